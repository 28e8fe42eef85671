/** Tries again what may work later: as late as the server asks, ever later with jitter, and not for ever. */

import { Problem } from "./problem.js";
import { online, pause } from "./waiting.js";

const TRIES = 7;
const FIRST_MILLISECONDS = 400;
const LONGEST_MILLISECONDS = 15_000;
const LONGEST_ASKED_SECONDS = 60;

/**
 * @template T
 * @param {() => Promise<T>} attempt fails with a Problem
 * @param {{signal?: AbortSignal, onWait?: (problem: Problem) => void}} [options]
 * @returns {Promise<T>}
 */
export async function retrying(attempt, { signal, onWait } = {}) {
  for (let tried = 1; ; tried += 1) {
    try {
      return await attempt();
    } catch (problem) {
      const may = problem instanceof Problem && problem.retriable && tried < TRIES && !signal?.aborted;
      if (!may) throw problem;
      onWait?.(problem);
      // Offline costs no try: it says nothing of the server.
      if (!navigator.onLine) {
        await online(signal);
        tried -= 1;
      }
      await pause(waitFor(problem, tried), signal);
    }
  }
}

/** @param {Problem} problem @param {number} tried @returns {number} milliseconds */
export function waitFor(problem, tried) {
  if (problem.retryAfter !== null) return Math.min(problem.retryAfter, LONGEST_ASKED_SECONDS) * 1000;
  const longest = Math.min(FIRST_MILLISECONDS * 2 ** tried, LONGEST_MILLISECONDS);
  return longest / 2 + (Math.random() * longest) / 2;
}
