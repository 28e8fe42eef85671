/** Members of batches whose file will not be sent, and batches that are not closed. Both would stay open for a day. */

import { closeBatch, remove } from "../net/api.js";

const KEY = "safelight-batches";

/** Delete jobs whose file will not be sent. Those that cannot be deleted now expire. @param {string[]} ids */
export async function removeMembers(ids) {
  for (const id of ids) await remove(id).catch(() => {});
}

/** Remember a batch until it is closed. @param {string} id */
export function saveBatch(id) {
  write([...read(), id]);
}

/** Close a batch, and forget it. @param {string} id */
export async function endBatch(id) {
  await closeBatch(id);
  write(read().filter((each) => each !== id));
}

/** Delete members that a reload has interrupted, and close their batches. @param {string[]} ids */
export async function endInterrupted(ids) {
  for (const id of read()) await endBatch(id).catch(() => {});
  await removeMembers(ids);
}

/** @returns {string[]} */
function read() {
  try {
    const ids = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    return Array.isArray(ids) ? ids : [];
  } catch {
    return [];
  }
}

/** @param {string[]} ids */
function write(ids) {
  sessionStorage.setItem(KEY, JSON.stringify(ids));
}
