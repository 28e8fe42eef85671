/** Pauses that can be aborted, and waiting for the network. */

const HIDDEN_FACTOR = 5;

/** @param {number} milliseconds @param {AbortSignal} [signal] @returns {Promise<void>} */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    if (signal?.aborted) return abort();
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve(undefined);
    }, milliseconds);
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/** Pause between polls. While the page is hidden, pause five times as long or until it is shown. @param {number} milliseconds @param {AbortSignal} [signal] */
export async function pauseBetweenPolls(milliseconds, signal) {
  if (!document.hidden) return pause(milliseconds, signal);
  const shown = new AbortController();
  const check = () => document.hidden || shown.abort();
  document.addEventListener("visibilitychange", check);
  try {
    await pause(milliseconds * HIDDEN_FACTOR, signal ? AbortSignal.any([signal, shown.signal]) : shown.signal);
  } catch (reason) {
    if (signal?.aborted) throw reason;
  } finally {
    document.removeEventListener("visibilitychange", check);
  }
}

/** Wait until the browser reports a network connection. @param {AbortSignal} [signal] @returns {Promise<void>} */
export function waitUntilOnline(signal) {
  if (navigator.onLine) return Promise.resolve();
  return new Promise((resolve, reject) => {
    window.addEventListener("online", () => resolve(undefined), {
      once: true,
      signal,
    });
    signal?.addEventListener("abort", () => reject(signal.reason), {
      once: true,
    });
  });
}
