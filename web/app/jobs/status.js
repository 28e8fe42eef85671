/** Names of the statuses of a job, and how they are shown. */

import { html } from "../vendor/preact.js";
import { getJob } from "../store/images.js";

/** @type {Record<string, string>} */
const NAMES = {
  AWAITING_UPLOAD: "Waiting for upload",
  PENDING: "Queued",
  PROCESSING: "Processing",
  COMPLETED: "Processed",
  FAILED: "Failed",
  CANCELLED: "Canceled",
  EXPIRED: "Expired",
};
/** @type {Record<string, string>} */
const KINDS = {
  COMPLETED: "good",
  FAILED: "bad",
  CANCELLED: "faint",
  EXPIRED: "faint",
};

export const STATUSES = Object.keys(NAMES);

/** @param {string} status */
export function getStatusName(status) {
  return NAMES[status] ?? status;
}

/** @param {{name: string, kind: string}} props `kind` is good, bad, open or faint */
export function Chip({ name, kind }) {
  return html`<span class=${`status status-${kind}`}>${name}</span>`;
}

/** @param {{status: string}} props */
export function StatusChip({ status }) {
  return html`<${Chip}
    name=${getStatusName(status)}
    kind=${KINDS[status] ?? "open"}
  />`;
}

/**
 * Return the status of an image, which may have no job yet.
 * @param {import("../store/images.js").ImageState} state @returns {{name: string, kind: string}}
 */
export function describeState(state) {
  const { phase } = state;
  const job = getJob(state);
  if (phase === "staged") return { name: "Ready", kind: "faint" };
  if (phase === "waiting") return { name: "Waiting", kind: "open" };
  if (phase === "sending") return { name: "Uploading", kind: "open" };
  if (phase === "lost" || !job) return { name: "Not accepted", kind: "bad" };
  // The file is sent, and the worker has not taken the job.
  if (phase === "working" && job.status === "AWAITING_UPLOAD") return { name: getStatusName("PENDING"), kind: "open" };
  return { name: getStatusName(job.status), kind: KINDS[job.status] ?? "open" };
}
