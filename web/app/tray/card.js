/** A picture of the tray: what it is, how far it is, what one can do with it. Made once, then brought up to date. */

import { announce } from "../base/announce.js";
import { el, fill } from "../base/dom.js";
import { bytes } from "../base/format.js";
import { icon } from "../base/icons.js";
import { jobButtons } from "../jobs/actions.js";
import { downloadButton } from "../jobs/downloading.js";
import { complaint, sizes } from "../jobs/facts.js";
import { blank, resultPicture } from "../jobs/pictures.js";
import { statusChip } from "../jobs/status.js";
import { sentence } from "../net/problem.js";

/**
 * @param {import("./tray.js").Item} item
 * @param {{onRemove: () => void, onAgain: () => void, onJob: (job: any) => void}} on
 */
export function card(item, on) {
  const frame = el("div", { class: "print-frame print-original" });
  const state = el("div", { class: "print-state" });
  const about = el("div", { class: "print-about" });
  const buttons = el("div", { class: "row print-buttons" });
  const bar = el("progress", { max: 1, "aria-label": `Upload of ${item.name}` });
  const element = el("li", { class: "print", dataset: { name: item.name } },
    el("div", { class: "print-pictures" }, frame),
    el("div", { class: "print-body" }, el("h2", { class: "name", title: item.name }, item.name), state, about, buttons));

  if (item.url) {
    const picture = el("img", { alt: "", src: item.url, class: "print-picture", decoding: "async", onError: () => blank(frame) });
    frame.append(picture);
  } else blank(frame);

  let drawn = "";
  const update = () => {
    bar.value = item.share;
    const shown = JSON.stringify([item.phase, item.job?.status, item.job?.generation, item.trouble?.message, item.problem?.message, item.phase === "sending"]);
    element.dataset.phase = item.phase;
    if (shown === drawn) return;
    drawn = shown;
    fill(state, stateOf(item, bar), item.trouble && el("p", { class: "trouble" }, sentence(item.trouble)));
    fill(about, aboutOf(item));
    fill(buttons, buttonsOf(item, on));
    develop(element, item);
  };
  update();
  return { element, update };
}

function stateOf(item, bar) {
  if (item.phase === "staged") return el("span", { class: "status status-faint" }, "Ready");
  if (item.phase === "waiting") return el("span", { class: "status status-open" }, "Waiting its turn");
  if (item.phase === "sending") return [el("span", { class: "status status-open" }, "Sending"), bar];
  if (item.phase === "lost") return el("span", { class: "status status-bad" }, "Not accepted");
  return [statusChip(item.job.status), !item.job.done && el("progress", { "aria-label": `Work on ${item.name}` })];
}

function aboutOf(item) {
  if (item.phase === "lost") return complaint(item.problem);
  if (item.job?.error) return complaint(item.job.error);
  if (item.job?.result) return [sizes(item.job), item.job.warnings.map((each) => el("p", { class: "warning" }, each))];
  return el("p", { class: "facts faint" }, bytes(item.size));
}

function buttonsOf(item, on) {
  const away = (name) => el("button", {
    type: "button", class: "button button-small", "aria-label": `${name} ${item.name}`, onClick: on.onRemove,
  }, icon("close"), name);
  if (item.phase === "staged" || item.phase === "waiting") return away("Remove");
  if (item.phase === "sending") return away("Stop");
  if (item.phase === "lost") {
    const again = item.file && el("button", { type: "button", class: "button button-small", "aria-label": `Retry ${item.name}`, onClick: on.onAgain }, icon("retry"), "Retry");
    return [again, away("Remove")];
  }
  const { job } = item;
  return [
    job.result && el("a", { class: "button button-small", href: `#/jobs/${job.id}`, "aria-label": `Compare ${item.name}` }, "Compare"),
    job.result && downloadButton(job, { small: true }),
    jobButtons(job, { onJob: on.onJob, onGone: on.onRemove }),
  ];
}

/** Lay the result over the original, and let it come up as in a bath of developer. */
function develop(element, item) {
  const pictures = element.querySelector(".print-pictures");
  pictures.querySelector(".print-result")?.remove();
  if (!item.job?.result) return;
  const result = resultPicture(item.job, `Result of ${item.name}`);
  result.classList.add("print-result");
  pictures.append(result);
  announce(`${item.name} is developed`);
}
