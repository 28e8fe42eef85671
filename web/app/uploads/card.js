/** The card of an image in the queue: preview, progress and actions. It is created once, then updated. */

import { announce } from "../base/announce.js";
import { el, fill } from "../base/dom.js";
import { formatBytes } from "../base/format.js";
import { createIcon } from "../base/icons.js";
import { createJobButtons } from "../jobs/actions.js";
import { createDownloadButton } from "../jobs/download.js";
import { createErrorBox, createSizeSummary } from "../jobs/facts.js";
import { showPlaceholder, createResultImage } from "../jobs/images.js";
import { createStatusChip } from "../jobs/status.js";
import { formatProblem } from "../net/problem.js";

/**
 * @param {import("./queue.js").Item} item
 * @param {{onRemove: () => void, onRetry: () => void, onJob: (job: any) => void}} on
 */
export function createCard(item, on) {
  const frame = el("div", { class: "print-frame print-original" });
  const state = el("div", { class: "print-state" });
  const about = el("div", { class: "print-about" });
  const buttons = el("div", { class: "row print-buttons" });
  const bar = el("progress", { max: 1, "aria-label": `Upload of ${item.name}` });
  const element = el("li", { class: "print", dataset: { name: item.name } },
    el("div", { class: "print-pictures" }, frame),
    el("div", { class: "print-body" }, el("h2", { class: "name", title: item.name }, item.name), state, about, buttons));

  if (item.url) {
    const image = el("img", { alt: "", src: item.url, class: "print-picture", decoding: "async", onError: () => showPlaceholder(frame) });
    frame.append(image);
  } else showPlaceholder(frame);

  let drawn = "";
  const update = () => {
    bar.value = item.share;
    const shown = JSON.stringify([item.phase, item.job?.status, item.job?.generation, item.retryProblem?.message, item.problem?.message, item.phase === "sending"]);
    element.dataset.phase = item.phase;
    if (shown === drawn) return;
    drawn = shown;
    fill(state, createState(item, bar), item.retryProblem && el("p", { class: "trouble" }, formatProblem(item.retryProblem)));
    fill(about, createDetails(item));
    fill(buttons, createButtons(item, on));
    showResult(element, item);
  };
  update();
  return { element, update };
}

function createState(item, bar) {
  if (item.phase === "staged") return el("span", { class: "status status-faint" }, "Ready");
  if (item.phase === "waiting") return el("span", { class: "status status-open" }, "Waiting");
  if (item.phase === "sending") return [el("span", { class: "status status-open" }, "Uploading"), bar];
  if (item.phase === "lost") return el("span", { class: "status status-bad" }, "Not accepted");
  return [createStatusChip(item.job.status), !item.job.done && el("progress", { "aria-label": `Processing ${item.name}` })];
}

function createDetails(item) {
  if (item.phase === "lost") return createErrorBox(item.problem);
  if (item.job?.error) return createErrorBox(item.job.error);
  if (item.job?.result) return [createSizeSummary(item.job), item.job.warnings.map((each) => el("p", { class: "warning" }, each))];
  return el("p", { class: "facts faint" }, formatBytes(item.size));
}

function createButtons(item, on) {
  const removeButton = (name) => el("button", {
    class: "button button-small", "aria-label": `${name} ${item.name}`, onClick: on.onRemove,
  }, createIcon("close"), name);
  if (item.phase === "staged" || item.phase === "waiting") return removeButton("Remove");
  if (item.phase === "sending") return removeButton("Stop");
  if (item.phase === "lost") {
    const retryButton = item.file && el("button", { class: "button button-small", "aria-label": `Retry ${item.name}`, onClick: on.onRetry }, createIcon("retry"), "Retry");
    return [retryButton, removeButton("Remove")];
  }
  const { job } = item;
  return [
    job.result && el("a", { class: "button button-small", href: `#/jobs/${job.id}`, "aria-label": `Compare ${item.name}` }, "Compare"),
    job.result && createDownloadButton(job, { small: true }),
    createJobButtons(job, { onJob: on.onJob, onDeleted: on.onRemove }),
  ];
}

/** Show the result over the original, with a transition. */
function showResult(element, item) {
  const container = element.querySelector(".print-pictures");
  container.querySelector(".print-result")?.remove();
  if (!item.job?.result) return;
  const result = createResultImage(item.job, `Result of ${item.name}`);
  result.classList.add("print-result");
  container.append(result);
  announce(`${item.name} is processed`);
}
