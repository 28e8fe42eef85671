/** A job in a list: image, name, status and actions. */

import { el, fill } from "../base/dom.js";
import { formatAge, formatTime } from "../base/format.js";
import { explain } from "../net/problem.js";
import { watchJob } from "../net/job-watcher.js";
import { createJobButtons } from "./actions.js";
import { createDownloadButton } from "./download.js";
import { createSizeSummary } from "./facts.js";
import { showPlaceholder, createResultImage } from "./images.js";
import { createStatusChip } from "./status.js";

/**
 * @param {any} job @param {{signal: AbortSignal, onDeleted?: () => void}} options an open job is polled until `signal` aborts
 * @returns {HTMLElement}
 */
export function createTile(job, { signal, onDeleted }) {
  const element = el("li", { class: "print print-tile" });
  const draw = (seen) => {
    element.dataset.id = seen.id;
    element.dataset.name = seen.filename;
    fill(element,
      el("a", { class: "print-pictures", href: `#/jobs/${seen.id}`, tabindex: "-1", "aria-hidden": "true" }, createImage(seen)),
      el("div", { class: "print-body" },
        el("h2", { class: "name" }, el("a", { href: `#/jobs/${seen.id}`, title: seen.filename }, seen.filename)),
        el("div", { class: "print-state" }, createStatusChip(seen.status), el("time", { class: "faint", datetime: seen.uploaded_at, title: formatTime(seen.uploaded_at) }, formatAge(seen.uploaded_at))),
        seen.error ? el("p", { class: "facts" }, explain(seen.error).what) : createSizeSummary(seen),
        el("div", { class: "row print-buttons" }, seen.result && createDownloadButton(seen, { small: true }), createJobButtons(seen, { onJob: start, onDeleted: gone }))));
  };
  const gone = () => {
    element.remove();
    onDeleted?.();
  };
  const start = (seen) => {
    draw(seen);
    if (!seen.done) watchJob(seen.id, { signal, onJob: draw, first: 1 }).catch(() => {});
  };
  start(job);
  return element;
}

function createImage(job) {
  if (job.result) return createResultImage(job);
  const frame = el("div", { class: "print-frame" });
  showPlaceholder(frame, job.raw.format ?? "");
  return frame;
}
