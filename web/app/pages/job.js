/** The page of one job: comparison, results and status history. */

import { el, fill } from "../base/dom.js";
import { formatBytes, formatDimensions } from "../base/format.js";
import { createHeading } from "../base/router.js";
import { createJobButtons } from "../jobs/actions.js";
import { formatCaption, compare } from "../jobs/compare.js";
import { createDownloadButton } from "../jobs/download.js";
import { createErrorBox, createSizeSummary } from "../jobs/facts.js";
import { createStatusChip } from "../jobs/status.js";
import { createTimeline } from "../jobs/timeline.js";
import { getResultLink, getRawLink, getJob } from "../net/api.js";
import { formatProblem } from "../net/problem.js";
import { watchJob } from "../net/job-watcher.js";
import { getOriginal } from "../uploads/originals.js";

export const jobPage = { title: "Image", show: draw };

async function draw(view, id) {
  const shown = new AbortController();
  const retryProblem = el("p", { class: "trouble", role: "status" });
  const body = el("div", { class: "stack" });
  fill(view, body, retryProblem);
  const update = (job) => {
    const hadFocus = view.querySelector("h1") === document.activeElement;
    fill(body, createContent(job, start));
    if (hadFocus) body.querySelector("h1")?.focus({ preventScroll: true });
  };
  const start = (job) => {
    update(job);
    if (job.done) return;
    const onProblem = (problem) => (retryProblem.textContent = problem ? formatProblem(problem) : "");
    watchJob(job.id, { signal: shown.signal, onJob: update, onProblem, firstDelay: 1 }).catch(() => {});
  };
  try {
    start(await getJob(id));
  } catch (problem) {
    fill(body, createHeading("Image"), createErrorBox(problem), el("p", {}, el("a", { href: "#/history" }, "Go to history")));
  }
  return () => shown.abort();
}

function createContent(job, start) {
  const showHistory = () => (location.hash = "#/history");
  return [
    el("div", { class: "job-head" },
      el("div", {}, createHeading(job.filename), el("div", { class: "row" }, createStatusChip(job.status), job.preset && el("span", { class: "faint" }, `preset ${job.preset.name}, version ${job.preset.version}`))),
      el("div", { class: "row" }, job.result && createDownloadButton(job), createJobButtons(job, { onJob: start, onDeleted: showHistory }))),
    job.error && createErrorBox(job.error),
    job.warnings.map((each) => el("p", { class: "warning" }, each)),
    job.result ? createComparison(job) : !job.done && el("div", { class: "panel waiting" }, el("div", { class: "lamp", "aria-hidden": "true" }), el("p", {}, "The image is being processed.")),
    el("div", { class: "job-more" },
      el("section", { class: "panel" }, el("h2", {}, "Results"), createSizeSummary(job), job.result && createResultList(job)),
      el("section", { class: "panel" }, el("h2", {}, "Status history"), createTimeline(job.history),
        job.attempts > 1 && el("p", { class: "faint" }, `This job took ${job.attempts} attempts.`)),
      el("section", { class: "panel" }, el("h2", {}, "Recipe"), el("pre", { tabindex: "0", "aria-label": "Recipe as JSON" }, el("code", {}, JSON.stringify(job.pipeline, null, 2))))),
  ];
}

function createComparison(job) {
  const container = el("div", { class: "compare-place" });
  arrange(job, job.result, container);
  return container;
}

async function arrange(job, output, container) {
  const original = getOriginal(job.id);
  try {
    const [before, after] = await Promise.all([original?.url ?? getRawLink(job.id).then((each) => each.url), getResultLink(job.id, output.name).then((each) => each.url)]);
    fill(container, compare(
      { url: before, alt: `${job.filename} before`, caption: formatCaption(job.raw), format: job.raw.format },
      { url: after, alt: `${job.filename} after`, caption: formatCaption(output), format: output.format }));
  } catch (problem) {
    fill(container, createErrorBox(problem));
  }
}

function createResultList(job) {
  const { outputs } = job.result;
  return el("ul", { class: "results" }, outputs.map((each) =>
    el("li", {},
      el("span", {}, el("b", {}, outputs.length > 1 ? each.name : each.format), ` ${formatDimensions(each.width, each.height)} · ${formatBytes(each.size)}`),
      el("span", { class: "row" },
        outputs.length > 1 && el("button", {
          class: "button button-small", "aria-label": `Compare ${each.name}`,
          onClick: (event) => arrange(job, each, event.target.closest("#view").querySelector(".compare-place")),
        }, "Compare"),
        createDownloadButton(job, { output: each.name, small: true })))));
}
