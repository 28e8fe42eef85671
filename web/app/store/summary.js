/** Counts and sizes of many images, for the summary bar. */

/**
 * @typedef {{size: number, phase: string, versions: Job[]}} Counted
 * @typedef {object} Summary
 * @property {number} total
 * @property {number} staged
 * @property {number} unsent waiting for the upload, or being uploaded
 * @property {number} working accepted, and not done
 * @property {number} processed
 * @property {number} failed
 * @property {number} canceled
 * @property {number} before bytes of the images that are processed
 * @property {number} after bytes of their results
 */

const FAILED = new Set(["FAILED", "EXPIRED"]);

/** @param {Counted[]} images @returns {Summary} */
export function summarize(images) {
  const sum = {
    total: images.length,
    staged: 0,
    unsent: 0,
    working: 0,
    processed: 0,
    failed: 0,
    canceled: 0,
    before: 0,
    after: 0,
  };
  for (const { size, phase, versions } of images) {
    const job = versions[versions.length - 1];
    if (phase === "staged") sum.staged += 1;
    else if (phase === "waiting" || phase === "sending") sum.unsent += 1;
    else if (phase === "lost" || (job && FAILED.has(job.status))) sum.failed += 1;
    else if (phase === "working") sum.working += 1;
    else if (job?.result) {
      sum.processed += 1;
      sum.before += job.raw.size ?? size;
      sum.after += sumOutputs(job.result);
    } else sum.canceled += 1;
  }
  return sum;
}

/** Return the bytes of all outputs. @param {JobResult} result */
export function sumOutputs(result) {
  return result.outputs.reduce((sum, each) => sum + each.size, 0);
}

/**
 * Estimate how long the rest takes, from the time per image so far. Return null if nothing is known.
 * @param {Summary} summary @param {number} elapsed milliseconds since the start
 * @returns {number|null} seconds
 */
export function estimateSecondsLeft({ processed, failed, unsent, working }, elapsed) {
  const ended = processed + failed;
  const open = unsent + working;
  if (!ended || !open) return null;
  return Math.max(1, Math.round(((elapsed / ended) * open) / 1000));
}

/** Describe the progress in one sentence. @param {Summary} summary */
export function describeProgress({ total, staged, processed, failed, canceled, unsent, working }) {
  const started = total - staged;
  const parts = [`${processed} of ${started} processed`];
  if (failed) parts.push(`${failed} failed`);
  if (canceled) parts.push(`${canceled} canceled`);
  if (unsent) parts.push(`${unsent} not sent yet`);
  else if (working) parts.push(`${working} in progress`);
  return parts.join(", ");
}
