/** Follows one job to its end: as often as the server says, ever less, hardly while hidden, and not for ever. */

import { job as readOnce } from "./api.js";
import { Problem } from "./problem.js";
import { waitFor } from "./retrying.js";
import { online, pause, pauseWatching } from "./waiting.js";

const LONGEST_SECONDS = 10;
const GROWTH = 1.25;
const BOUND_MILLISECONDS = 15 * 60_000;
const PATIENCE = 8; // troubles in a row

/**
 * @param {string} id
 * @param {{onJob: (job: any) => void, onTrouble?: (problem: Problem|null) => void, signal?: AbortSignal, first?: number}} options
 *   `onTrouble` gets null when it is over; `first` is how long to wait before the first look, seconds
 * @returns {Promise<any>} the job at its end, or as it was when the bound was reached
 */
export async function watchJob(id, { onJob, onTrouble, signal, first = 0.5 }) {
  const until = Date.now() + BOUND_MILLISECONDS;
  let wait = first;
  let etag = null;
  let latest = null;
  let troubles = 0;
  while (Date.now() < until) {
    await pauseWatching(wait * 1000, signal);
    try {
      const answer = await readOnce(id, { etag, signal });
      if (troubles) onTrouble?.(null);
      troubles = 0;
      if (answer.body) {
        latest = answer.body;
        etag = answer.etag;
        onJob(latest);
        if (latest.done) return latest;
      }
      wait = Math.min(Math.max(answer.retryAfter ?? 1, wait * GROWTH), LONGEST_SECONDS);
    } catch (problem) {
      if (!(problem instanceof Problem) || !problem.retriable || troubles >= PATIENCE) throw problem;
      troubles += 1;
      onTrouble?.(problem);
      if (!navigator.onLine) {
        await online(signal);
        troubles = 0;
      }
      await pause(waitFor(problem, troubles), signal);
      wait = 0;
    }
  }
  return latest;
}
