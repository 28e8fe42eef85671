/** Deletion of jobs. A note offers to undo it for a few seconds. Until then, the jobs are only hidden. */

import { signal } from "../vendor/preact.js";
import { announce, showNote } from "../base/announce.js";
import { remove, removeOnClose } from "../net/api.js";
import { formatProblem } from "../net/problem.js";

/** IDs of jobs that no view shows anymore. @type {import("../vendor/preact.js").Signal<ReadonlySet<string>>} */
export const deletedIds = signal(new Set());
/** Deletions that can still be undone. @type {Set<string[]>} */
const pending = new Set();

/**
 * Hide jobs, and delete them when the note that offers to undo it has disappeared.
 * @param {{ids: string[], text: string, onUndo?: () => void}} deletion `text` says what was deleted
 */
export function deleteWithUndo({ ids, text, onUndo }) {
  deletedIds.value = new Set([...deletedIds.value, ...ids]);
  pending.add(ids);
  const run = () => {
    pending.delete(ids);
    unhide(ids);
    onUndo?.();
    announce("The deletion was undone");
  };
  const onExpire = () => {
    pending.delete(ids);
    deleteNow(ids);
  };
  showNote(text, { action: { label: "Undo", run }, onExpire });
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
  for (const ids of pending) {
    for (const id of ids) removeOnClose(id).catch(() => {});
  }
  pending.clear();
});
