/** Deletion of jobs. A note offers to undo it for a few seconds. Until then, the jobs are only hidden. */

import { announce, showNote } from "../base/announce.js";
import { remove, removeOnClose } from "../net/api.js";
import { formatProblem, Problem } from "../net/problem.js";
import { createLimiter } from "../uploads/limiter.js";
import { hideJobs, reportDeleted, showJobs } from "../store/deleted.js";

const NOT_FOUND = 404;
const MAX_CONCURRENT = 4;
/** IDs of jobs to delete: of deletions that can still be undone, and of those that run. @type {Set<Iterable<string>>} */
const pending = new Set();
const limiter = createLimiter(MAX_CONCURRENT);

/**
 * Hide jobs, and delete them when the note that offers to undo it has disappeared.
 * @param {{ids: string[], text: string, onUndo?: () => void, onEnd?: () => void}} deletion `text` says what was deleted, `onEnd` runs if it is not undone
 */
export function deleteWithUndo({ ids, text, onUndo, onEnd }) {
  hideJobs(ids);
  pending.add(ids);
  const run = () => {
    pending.delete(ids);
    showJobs(ids);
    onUndo?.();
    announce("The deletion was undone");
  };
  const onExpire = () => {
    onEnd?.();
    void deleteNow(ids);
  };
  showNote(text, { action: { label: "Undo", run }, onExpire });
}

/** Delete jobs, a few at a time. If the page is closed meanwhile, the rest is deleted too. @param {string[]} ids */
async function deleteNow(ids) {
  const left = new Set(ids);
  pending.delete(ids);
  pending.add(left);
  await Promise.all(ids.map((id) => limiter.run(() => deleteJob(id).finally(() => left.delete(id)))));
  pending.delete(left);
}

/** @param {string} id */
async function deleteJob(id) {
  try {
    await remove(id);
    reportDeleted([id]);
  } catch (problem) {
    if (problem instanceof Problem && problem.status === NOT_FOUND) return; // another tab was quicker
    showJobs([id]);
    showNote(formatProblem(problem), { kind: "bad" });
  }
}

window.addEventListener("pagehide", () => {
  for (const ids of pending) {
    for (const id of ids) removeOnClose(id).catch(() => {});
  }
  pending.clear();
});
