/** Uploads that S3 seems not to have reported. A batch does not confirm each upload, because S3 reports it too. */

import { confirmUpload } from "../net/api.js";
import { pause } from "../net/pause.js";

/** An upload is late if the worker has taken another one that was sent this much later. */
const LATE_MILLISECONDS = 20_000;
/** If no job makes progress for this long, some of the oldest uploads are late. */
const IDLE_MILLISECONDS = 30_000;
const CHECK_MILLISECONDS = 5_000;
const MAX_PER_CHECK = 10;

/** @typedef {{sentAt: number, isWaiting: boolean}} Sent `isWaiting`: the job still waits for the file */

/**
 * Return the uploads that should be confirmed.
 * @template {Sent} T
 * @param {T[]} sent @param {number} idle milliseconds since a job made progress @returns {T[]}
 */
export function findLate(sent, idle) {
  const waiting = sent.filter((each) => each.isWaiting);
  const newest = Math.max(...sent.filter((each) => !each.isWaiting).map((each) => each.sentAt));
  const late = waiting.filter((each) => each.sentAt < newest - LATE_MILLISECONDS);
  return (late.length || idle < IDLE_MILLISECONDS ? late : waiting).slice(0, MAX_PER_CHECK);
}

/**
 * Confirm late uploads until no job waits for its file.
 * @param {() => Array<Sent & {id: string}>} listSent the uploads so far @param {Promise<unknown>} all settles when all files are sent
 */
export async function confirmLateUploads(listSent, all) {
  const confirmed = new Set();
  let isSending = true;
  all.finally(() => (isSending = false));
  let before = -1;
  for (let changedAt = Date.now(); ;) {
    await pause(CHECK_MILLISECONDS);
    const sent = listSent();
    const count = sent.filter((each) => each.isWaiting).length;
    if (!count && !isSending) return;
    if (count !== before) changedAt = Date.now();
    before = count;
    for (const { id } of findLate(sent, Date.now() - changedAt)) {
      if (confirmed.has(id)) continue;
      confirmed.add(id);
      await confirmUpload(id, {}).catch(() => {}); // the reconciler finds the file
    }
  }
}
