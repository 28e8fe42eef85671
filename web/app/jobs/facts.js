/** Short descriptions of a job: sizes, savings and errors. */

import { html } from "../vendor/preact.js";
import { formatBytes, formatDimensions, formatSaving } from "../base/format.js";
import { explain } from "../net/problem.js";
import { sumOutputs } from "../store/summary.js";

/** Size before and after. @param {{job: Job}} props */
export function SizeSummary({ job: { raw, result } }) {
  if (!result) {
    return html`<p class="facts">${[raw.format, raw.size && formatBytes(raw.size)].filter(Boolean).join(" ")}</p>`;
  }
  const total = sumOutputs(result);
  const count = result.outputs.length;
  return html`<p class="facts">
    ${`${formatBytes(raw.size)} → ${formatBytes(total)} `}
    ${count > 1 ? `in ${count} files` : html`<${Saving} before=${raw.size ?? 0} after=${total} />`}
    <br />
    <span class="faint">${formatDimensions(result.width, result.height)} ${result.format}</span>
  </p>`;
}

/** @param {{before: number, after: number}} props bytes */
export function Saving({ before, after }) {
  return html`<span class=${after <= before ? "saved" : "grown"}>${formatSaving(before, after)}</span>`;
}

/** @param {{failure: any}} props a job's error, or a Problem */
export function ErrorBox({ failure }) {
  const { what, advice } = explain(failure);
  return html`<p class="complaint-box"><b>${what}</b> ${advice}</p>`;
}

/** @param {{width?: number|null, height?: number|null, size?: number|null, format?: string|null}} facts */
export function formatCaption({ width, height, size, format }) {
  return [formatDimensions(width, height), format, size ? formatBytes(size) : ""].filter(Boolean).join(" · ");
}
