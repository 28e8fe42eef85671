/** Names of assets from names of files. */

const MAX_LENGTH = 60; // of 64 characters, with a number behind it

/** Return a name that the API accepts and that is not taken. @param {string} filename @param {string[]} taken */
export function nameAsset(filename, taken) {
  const base =
    filename
      .replace(/\.[^.]*$/, "")
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-+|-+$/g, "")
      .slice(0, MAX_LENGTH) || "image";
  let name = base;
  for (let number = 2; taken.includes(name); number += 1) name = `${base}-${number}`;
  return name;
}
