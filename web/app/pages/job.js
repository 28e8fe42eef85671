/** One job: its picture before and after, its results, its story. */

import { el, fill } from "../base/dom.js";
import { bytes, sides } from "../base/format.js";
import { title } from "../base/router.js";
import { jobButtons } from "../jobs/actions.js";
import { caption, compare } from "../jobs/compare.js";
import { downloadButton } from "../jobs/downloading.js";
import { complaint, sizes } from "../jobs/facts.js";
import { statusChip } from "../jobs/status.js";
import { timeline } from "../jobs/timeline.js";
import { link, rawLink, readJob } from "../net/api.js";
import { sentence } from "../net/problem.js";
import { watchJob } from "../net/watching.js";
import { originalOf } from "../tray/originals.js";

export const jobPage = { title: "Picture", show: draw };

async function draw(view, id) {
  const shown = new AbortController();
  const trouble = el("p", { class: "trouble", role: "status" });
  const body = el("div", { class: "stack" });
  fill(view, body, trouble);
  const update = (job) => {
    const before = view.querySelector("h1") === document.activeElement;
    fill(body, content(job, begin));
    if (before) body.querySelector("h1")?.focus({ preventScroll: true });
  };
  const begin = (job) => {
    update(job);
    if (job.done) return;
    const onTrouble = (problem) => (trouble.textContent = problem ? sentence(problem) : "");
    watchJob(job.id, { signal: shown.signal, onJob: update, onTrouble, first: 1 }).catch(() => {});
  };
  try {
    begin(await readJob(id));
  } catch (problem) {
    fill(body, title("Picture"), complaint(problem), el("p", {}, el("a", { href: "#/history" }, "To the history")));
  }
  return () => shown.abort();
}

function content(job, begin) {
  const gone = () => (location.hash = "#/history");
  return [
    el("div", { class: "job-head" },
      el("div", {}, title(job.filename), el("div", { class: "row" }, statusChip(job.status), job.preset && el("span", { class: "faint" }, `preset ${job.preset.name}, version ${job.preset.version}`))),
      el("div", { class: "row" }, job.result && downloadButton(job), jobButtons(job, { onJob: begin, onGone: gone }))),
    job.error && complaint(job.error),
    job.warnings.map((each) => el("p", { class: "warning" }, each)),
    job.result ? comparison(job) : !job.done && el("div", { class: "panel waiting" }, el("div", { class: "lamp", "aria-hidden": "true" }), el("p", {}, "The picture is being developed.")),
    el("div", { class: "job-more" },
      el("section", { class: "panel" }, el("h2", {}, "Results"), sizes(job), job.result && results(job)),
      el("section", { class: "panel" }, el("h2", {}, "What happened"), timeline(job.history),
        job.attempts > 1 && el("p", { class: "faint" }, `It took ${job.attempts} attempts.`)),
      el("section", { class: "panel" }, el("h2", {}, "Recipe"), el("pre", { tabindex: "0", "aria-label": "The recipe as JSON" }, el("code", {}, JSON.stringify(job.pipeline, null, 2))))),
  ];
}

function comparison(job) {
  const place = el("div", { class: "compare-place" });
  arrange(job, job.result, place);
  return place;
}

async function arrange(job, output, place) {
  const original = originalOf(job.id);
  try {
    const [before, after] = await Promise.all([original?.url ?? rawLink(job.id).then((each) => each.url), link(job.id, output.name).then((each) => each.url)]);
    fill(place, compare(
      { url: before, alt: `${job.filename} before`, caption: caption(job.raw), format: job.raw.format },
      { url: after, alt: `${job.filename} after`, caption: caption(output), format: output.format }));
  } catch (problem) {
    fill(place, complaint(problem));
  }
}

function results(job) {
  const { outputs } = job.result;
  return el("ul", { class: "results" }, outputs.map((each) =>
    el("li", {},
      el("span", {}, el("b", {}, outputs.length > 1 ? each.name : each.format), ` ${sides(each.width, each.height)} · ${bytes(each.size)}`),
      el("span", { class: "row" },
        outputs.length > 1 && el("button", {
          type: "button", class: "button button-small", "aria-label": `Compare ${each.name}`,
          onClick: (event) => arrange(job, each, event.target.closest("#view").querySelector(".compare-place")),
        }, "Compare"),
        downloadButton(job, { output: each.name, small: true })))));
}
