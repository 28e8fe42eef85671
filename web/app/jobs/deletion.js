/** Deletion of jobs. A note offers to undo it for a few seconds. Until then, the jobs are only hidden. */

import { signal } from "../vendor/preact.js";
import { announce, showNote } from "../base/announce.js";
import { remove, removeOnClose } from "../net/api.js";
import { formatProblem } from "../net/problem.js";

const DELAY_MILLISECONDS = 8000;

/** IDs of jobs that no view shows anymore. @type {import("../vendor/preact.js").Signal<ReadonlySet<string>>} */
export const deletedIds = signal(new Set());
/** Deletions that can still be undone: the IDs by timer. @type {Map<number, string[]>} */
const pending = new Map();

/**
 * Hide jobs, and delete them unless the user undoes it.
 * @param {{ids: string[], text: string, onUndo?: () => void}} deletion `text` says what was deleted
 */
export function deleteWithUndo({ ids, text, onUndo }) {
  deletedIds.value = new Set([...deletedIds.value, ...ids]);
  const timer = window.setTimeout(() => {
    pending.delete(timer);
    deleteNow(ids);
  }, DELAY_MILLISECONDS);
  pending.set(timer, ids);
  const run = () => {
    clearTimeout(timer);
    pending.delete(timer);
    unhide(ids);
    onUndo?.();
    announce("The deletion was undone");
  };
  showNote(text, { action: { label: "Undo", run } });
}

/** @param {string[]} ids */
async function deleteNow(ids) {
  for (const id of ids) {
    try {
      await remove(id);
    } catch (problem) {
      unhide([id]);
      showNote(formatProblem(problem), { kind: "bad" });
    }
  }
}

/** @param {string[]} ids */
function unhide(ids) {
  deletedIds.value = new Set([...deletedIds.value].filter((each) => !ids.includes(each)));
}

window.addEventListener("pagehide", () => {
  for (const [timer, ids] of pending) {
    clearTimeout(timer);
    for (const id of ids) removeOnClose(id).catch(() => {});
  }
  pending.clear();
});
