/** What a job's status is called, and what it looks like. */

import { el } from "../base/dom.js";

const NAMES = {
  AWAITING_UPLOAD: "Waiting for the file",
  PENDING: "In the queue",
  PROCESSING: "Developing",
  COMPLETED: "Developed",
  FAILED: "Failed",
  CANCELLED: "Cancelled",
  EXPIRED: "Expired",
};
const KINDS = { COMPLETED: "good", FAILED: "bad", CANCELLED: "faint", EXPIRED: "faint" };

export const STATUSES = Object.keys(NAMES);

/** @param {string} status */
export function statusName(status) {
  return NAMES[status] ?? status;
}

/** @param {string} status */
export function statusChip(status) {
  return el("span", { class: `status status-${KINDS[status] ?? "open"}`, dataset: { status } }, statusName(status));
}
