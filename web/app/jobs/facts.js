/** Short descriptions of a job: sizes, savings and errors. */

import { el } from "../base/dom.js";
import { formatBytes, formatSaving, formatDimensions } from "../base/format.js";
import { explain } from "../net/problem.js";

/** @param {any} job */
export function createSizeSummary(job) {
  const { raw, result } = job;
  if (!result) return el("p", { class: "facts" }, raw.size ? `${raw.format ?? ""} ${formatBytes(raw.size)}`.trim() : "");
  const total = result.outputs.reduce((sum, each) => sum + each.size, 0);
  const count = result.outputs.length;
  return el("p", { class: "facts" },
    `${formatBytes(raw.size)} → ${formatBytes(total)}`,
    count > 1 ? ` in ${count} files ` : " ",
    count === 1 && el("span", { class: result.size <= raw.size ? "saved" : "grown" }, formatSaving(raw.size, result.size)),
    el("br"),
    el("span", { class: "faint" }, `${formatDimensions(result.width, result.height)} ${result.format}`));
}

/** @param {any} failure a job's error, or a Problem */
export function createErrorBox(failure) {
  const { what, advice } = explain(failure);
  return el("p", { class: "complaint-box" }, el("b", {}, what), advice && ` ${advice}`);
}
