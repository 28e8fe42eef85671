/** Names of files in a zip file. */

/** Return a function that returns a free name: `a.webp`, then `a-2.webp`. Names differ in more than case. */
export function createNamer() {
  const taken = new Set();
  return (/** @type {string} */ wanted) => {
    const dot = wanted.lastIndexOf(".");
    const [stem, suffix] = dot > wanted.lastIndexOf("/") + 1 ? [wanted.slice(0, dot), wanted.slice(dot)] : [wanted, ""];
    let name = wanted;
    for (let number = 2; taken.has(name.toLowerCase()); number += 1) name = `${stem}-${number}${suffix}`;
    taken.add(name.toLowerCase());
    return name;
  };
}
