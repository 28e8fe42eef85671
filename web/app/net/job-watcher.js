/** Polls a job until it is done: at the server's interval, with growing pauses, for at most 15 minutes. */

import { requestJob } from "./api.js";
import { Problem } from "./problem.js";
import { computeDelay } from "./retry.js";
import { waitUntilOnline, pause, pauseBetweenPolls } from "./pause.js";

const MAX_PAUSE_SECONDS = 10;
const GROWTH = 1.25;
const MAX_MILLISECONDS = 15 * 60_000;
const MAX_FAILURES = 8; // consecutive

/**
 * @param {string} id
 * @param {{onJob: (job: any) => void, onProblem?: (problem: Problem|null) => void, signal?: AbortSignal, firstDelay?: number}} options
 *   `onProblem` gets a retryable problem, and null once it is over; `firstDelay` is the delay before the first poll, in seconds
 * @returns {Promise<any>} the finished job, or its last state when the time limit is reached
 */
export async function watchJob(id, { onJob, onProblem, signal, firstDelay = 0.5 }) {
  const deadline = Date.now() + MAX_MILLISECONDS;
  let pauseSeconds = firstDelay;
  let etag = null;
  let latest = null;
  let failures = 0;
  while (Date.now() < deadline) {
    await pauseBetweenPolls(pauseSeconds * 1000, signal);
    try {
      const response = await requestJob(id, { etag, signal });
      if (failures) onProblem?.(null);
      failures = 0;
      if (response.body) {
        latest = response.body;
        etag = response.etag;
        onJob(latest);
        if (latest.done) return latest;
      }
      pauseSeconds = Math.min(Math.max(response.retryAfter ?? 1, pauseSeconds * GROWTH), MAX_PAUSE_SECONDS);
    } catch (problem) {
      if (!(problem instanceof Problem) || !problem.retriable || failures >= MAX_FAILURES) throw problem;
      failures += 1;
      onProblem?.(problem);
      if (!navigator.onLine) {
        await waitUntilOnline(signal);
        failures = 0;
      }
      await pause(computeDelay(problem, failures), signal);
      pauseSeconds = 0;
    }
  }
  return latest;
}
