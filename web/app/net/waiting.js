/** Waiting: with a bound, longer when nobody looks, and no longer than needed once the network is back. */

const HIDDEN_FACTOR = 5;

/** @param {number} milliseconds @param {AbortSignal} [signal] */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    if (signal?.aborted) return end();
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve(undefined);
    }, milliseconds);
    signal?.addEventListener("abort", end, { once: true });
  });
}

/** Pause, five times as long while the page is hidden; it ends when the page is shown. @param {number} milliseconds @param {AbortSignal} [signal] */
export async function pauseWatching(milliseconds, signal) {
  if (!document.hidden) return pause(milliseconds, signal);
  const shown = new AbortController();
  const look = () => document.hidden || shown.abort();
  document.addEventListener("visibilitychange", look);
  try {
    await pause(milliseconds * HIDDEN_FACTOR, signal ? AbortSignal.any([signal, shown.signal]) : shown.signal);
  } catch (reason) {
    if (signal?.aborted) throw reason;
  } finally {
    document.removeEventListener("visibilitychange", look);
  }
}

/** Wait until the browser thinks that there is a network. @param {AbortSignal} [signal] */
export function online(signal) {
  if (navigator.onLine) return Promise.resolve();
  return new Promise((resolve, reject) => {
    window.addEventListener("online", () => resolve(undefined), { once: true, signal });
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
