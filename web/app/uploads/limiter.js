/** A concurrency limit. Work starts in the order in which it was added. */

/** @param {number} maxConcurrent */
export function createLimiter(maxConcurrent) {
  let free = maxConcurrent;
  /** @type {Array<() => void>} */
  const waiting = [];
  const release = () => {
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
      release();
    }
  };
}
