/** Display names and colors of job statuses. */

import { el } from "../base/dom.js";

const NAMES = {
  AWAITING_UPLOAD: "Waiting for upload",
  PENDING: "Queued",
  PROCESSING: "Processing",
  COMPLETED: "Processed",
  FAILED: "Failed",
  CANCELLED: "Canceled",
  EXPIRED: "Expired",
};
const KINDS = { COMPLETED: "good", FAILED: "bad", CANCELLED: "faint", EXPIRED: "faint" };

export const STATUSES = Object.keys(NAMES);

/** @param {string} status */
export function getStatusName(status) {
  return NAMES[status] ?? status;
}

/** @param {string} status */
export function createStatusChip(status) {
  return el("span", { class: `status status-${KINDS[status] ?? "open"}`, dataset: { status } }, getStatusName(status));
}
