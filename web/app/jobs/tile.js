/** A job among others: its picture, name, state and what one can do with it. */

import { el, fill } from "../base/dom.js";
import { ago, moment } from "../base/format.js";
import { explained } from "../net/problem.js";
import { watchJob } from "../net/watching.js";
import { jobButtons } from "./actions.js";
import { downloadButton } from "./downloading.js";
import { sizes } from "./facts.js";
import { blank, resultPicture } from "./pictures.js";
import { statusChip } from "./status.js";

/**
 * @param {any} job @param {{signal: AbortSignal, onGone?: () => void}} options an open job is followed until `signal` ends it
 * @returns {HTMLElement}
 */
export function tile(job, { signal, onGone }) {
  const element = el("li", { class: "print print-tile" });
  const draw = (seen) => {
    element.dataset.id = seen.id;
    element.dataset.name = seen.filename;
    fill(element,
      el("a", { class: "print-pictures", href: `#/jobs/${seen.id}`, tabindex: "-1", "aria-hidden": "true" }, pictureOf(seen)),
      el("div", { class: "print-body" },
        el("h2", { class: "name" }, el("a", { href: `#/jobs/${seen.id}`, title: seen.filename }, seen.filename)),
        el("div", { class: "print-state" }, statusChip(seen.status), el("time", { class: "faint", datetime: seen.uploaded_at, title: moment(seen.uploaded_at) }, ago(seen.uploaded_at))),
        seen.error ? el("p", { class: "facts" }, explained(seen.error).what) : sizes(seen),
        el("div", { class: "row print-buttons" }, seen.result && downloadButton(seen, { small: true }), jobButtons(seen, { onJob: begin, onGone: gone }))));
  };
  const gone = () => {
    element.remove();
    onGone?.();
  };
  const begin = (seen) => {
    draw(seen);
    if (!seen.done) watchJob(seen.id, { signal, onJob: draw, first: 1 }).catch(() => {});
  };
  begin(job);
  return element;
}

function pictureOf(job) {
  if (job.result) return resultPicture(job);
  const frame = el("div", { class: "print-frame" });
  blank(frame, job.raw.format ?? "");
  return frame;
}
