/** A concurrency limit that can be paused. Work starts in the order in which it was added. */

/** @param {number} maxConcurrent */
export function createLimiter(maxConcurrent) {
  let running = 0;
  let paused = false;
  /** @type {Array<() => void>} */
  const waiting = [];
  const startNext = () => {
    while (!paused && running < maxConcurrent && waiting.length) {
      running += 1;
      waiting.shift()?.();
    }
  };
  return {
    /**
     * @template T
     * @param {() => Promise<T>} work
     * @returns {Promise<T>}
     */
    async run(work) {
      await new Promise((resolve) => {
        waiting.push(() => resolve(undefined));
        startNext();
      });
      try {
        return await work();
      } finally {
        running -= 1;
        startNext();
      }
    },
    /** Start no more work, or continue. @param {boolean} value */
    setPaused(value) {
      paused = value;
      startNext();
    },
  };
}

/** @typedef {ReturnType<typeof createLimiter>} Limiter */
