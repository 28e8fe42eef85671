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
  const draw = (latest) => {
    element.dataset.id = latest.id;
    element.dataset.name = latest.filename;
    fill(element,
      el("a", { class: "print-pictures", href: `#/jobs/${latest.id}`, tabindex: "-1", "aria-hidden": "true" }, createImage(latest)),
      el("div", { class: "print-body" },
        el("h2", { class: "name" }, el("a", { href: `#/jobs/${latest.id}`, title: latest.filename }, latest.filename)),
        el("div", { class: "print-state" }, createStatusChip(latest.status), el("time", { class: "faint", datetime: latest.uploaded_at, title: formatTime(latest.uploaded_at) }, formatAge(latest.uploaded_at))),
        latest.error ? el("p", { class: "facts" }, explain(latest.error).what) : createSizeSummary(latest),
        el("div", { class: "row print-buttons" }, latest.result && createDownloadButton(latest, { small: true }), createJobButtons(latest, { onJob: start, onDeleted: removeTile }))));
  };
  const removeTile = () => {
    element.remove();
    onDeleted?.();
  };
  const start = (latest) => {
    draw(latest);
    if (!latest.done) watchJob(latest.id, { signal, onJob: draw, firstDelay: 1 }).catch(() => {});
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
