/** Retries with exponential backoff and jitter, or after the server's Retry-After. */

import { createOfflineProblem, Problem } from "./problem.js";
import { waitUntilOnline, pause } from "./pause.js";

const MAX_ATTEMPTS = 7;
const BASE_MILLISECONDS = 400;
const MAX_MILLISECONDS = 15_000;
const MAX_RETRY_AFTER_SECONDS = 60;

/** @typedef {{signal?: AbortSignal, onWait?: (problem: Problem) => void}} RetryOptions */

/**
 * @template T
 * @param {() => Promise<T>} attempt throws a Problem
 * @param {RetryOptions} [options]
 * @returns {Promise<T>}
 */
export async function runWithRetries(attempt, { signal, onWait } = {}) {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt();
    } catch (problem) {
      const retryable = problem instanceof Problem && problem.retriable && attempts < MAX_ATTEMPTS && !signal?.aborted;
      if (!retryable) throw problem;
      onWait?.(problem);
      // Being offline says nothing about the server, so it does not count as an attempt.
      if (!navigator.onLine) {
        await waitUntilOnline(signal);
        attempts -= 1;
      }
      await pause(computeDelay(problem, attempts), signal);
    }
  }
}

/**
 * Load a module that the start of the page does not need.
 * @template T @param {() => Promise<T>} load @param {RetryOptions} [options] @returns {Promise<T>}
 */
export function loadModule(load, options) {
  const attempt = () =>
    load().catch(() => {
      throw createOfflineProblem();
    });
  return runWithRetries(attempt, options);
}

/** @param {Problem} problem @param {number} attempts @returns {number} milliseconds */
export function computeDelay(problem, attempts) {
  if (problem.retryAfter !== null) return Math.min(problem.retryAfter, MAX_RETRY_AFTER_SECONDS) * 1000;
  const delay = Math.min(BASE_MILLISECONDS * 2 ** attempts, MAX_MILLISECONDS);
  return delay / 2 + (Math.random() * delay) / 2;
}
