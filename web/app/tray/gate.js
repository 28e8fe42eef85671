/** Lets a few through at a time, in the order in which they came. */

/** @param {number} width */
export function gate(width) {
  let free = width;
  /** @type {Array<() => void>} */
  const waiting = [];
  const leave = () => {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  };
  /**
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise((resolve) => waiting.push(() => resolve(undefined)));
    try {
      return await work();
    } finally {
      leave();
    }
  };
}
