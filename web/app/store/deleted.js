/** Jobs that were deleted, in this tab or in another one. No view shows them. */

import { signal } from "../vendor/preact.js";

/** @type {import("../vendor/preact.js").Signal<ReadonlySet<string>>} */
export const deletedIds = signal(new Set());

const others = new BroadcastChannel("safelight-deleted");
others.onmessage = (/** @type {MessageEvent<string[]>} */ { data }) => hideJobs(data);

/** @param {string[]} ids */
export function hideJobs(ids) {
  deletedIds.value = new Set([...deletedIds.value, ...ids]);
}

/** @param {string[]} ids */
export function showJobs(ids) {
  deletedIds.value = new Set([...deletedIds.value].filter((each) => !ids.includes(each)));
}

/** Report deleted jobs to the other tabs. @param {string[]} ids */
export function reportDeleted(ids) {
  others.postMessage(ids);
}
