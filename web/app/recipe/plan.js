/** The live plan: a preview of the outputs, requested from the API whenever the recipe changes. */

import { requestPlan } from "../net/api.js";
import { Problem, formatProblem } from "../net/problem.js";
import { el, fill } from "../base/dom.js";
import { formatBytes, formatLabel, formatDuration, formatDimensions } from "../base/format.js";
import { markErrors } from "./controls.js";
import { readHead } from "./file-head.js";

const DEBOUNCE_MILLISECONDS = 250;
const SAMPLE_IMAGE = { width: 4000, height: 3000, format: "jpeg" };

/**
 * @param {import("./recipe.js").RecipeEditor} editor @param {() => File|null} getFile returns the image to plan for
 * @param {ParentNode} form in which errors are marked
 */
export function createPlanPanel(editor, getFile, form) {
  const shown = el("div", { class: "plan", "aria-live": "polite" });
  let timer = 0;
  let running = new AbortController();

  const request = async () => {
    running.abort();
    running = new AbortController();
    const file = getFile();
    try {
      const planned = await planImage(file, editor.spec(), running.signal);
      markErrors(form, []);
      fill(shown, createView(planned, file));
    } catch (problem) {
      if (!(problem instanceof Problem)) return; // a newer request has replaced this one
      const rest = markErrors(form, problem.errors);
      fill(shown, el("p", { class: "plan-bad" }, formatProblem(problem)), rest.map((each) => el("p", { class: "plan-bad" }, each.detail)));
    }
  };
  const schedule = () => {
    clearTimeout(timer);
    timer = setTimeout(request, DEBOUNCE_MILLISECONDS);
  };
  editor.state.subscribe(schedule);
  schedule();
  return { element: shown, refresh: schedule };
}

async function planImage(file, spec, signal) {
  if (!file) return requestPlan({ ...SAMPLE_IMAGE, ...spec }, signal);
  try {
    return await requestPlan({ head: await readHead(file), size: file.size, ...spec }, signal);
  } catch (problem) {
    // Camera metadata can push the image header beyond the default number of bytes.
    const unread = problem instanceof Problem && problem.errors.some((each) => each.pointer === "/head");
    if (!unread) throw problem;
  }
  try {
    return await requestPlan({ head: await readHead(file, { more: true }), size: file.size, ...spec }, signal);
  } catch (problem) {
    if (!(problem instanceof Problem) || !problem.errors.some((each) => each.pointer === "/head")) throw problem;
    throw new Problem({ code: "UNREADABLE_HEAD", title: `${file.name} does not start like an image.` });
  }
}

function createView(planned, file) {
  const { picture, failure, outputs, warnings, estimate } = planned;
  const from = file ? file.name : "a 12-megapixel photo";
  if (failure) {
    return [el("p", { class: "plan-bad" }, `${from}: ${formatProblem(failure)}`)];
  }
  return [
    el("p", { class: "plan-from" }, "From ", el("b", {}, from), ` (${formatDimensions(picture.width, picture.height)} ${picture.format}`,
      picture.size ? `, ${formatBytes(picture.size)})` : ")"),
    planned.steps.length > 0 && el("p", { class: "plan-steps" }, planned.steps.map((step) => formatLabel(step.op)).join(" → ")),
    el("ul", { class: "plan-outputs" }, outputs.map((each) =>
      el("li", {}, el("b", {}, `${each.exact ? "" : "at most "}${formatDimensions(each.width, each.height)}`), ` ${each.format}`,
        outputs.length > 1 && el("span", { class: "faint" }, ` ${each.name}`)))),
    warnings.map((each) => el("p", { class: "plan-warning" }, each.message)),
    el("p", { class: "faint" }, `About ${formatDuration(estimate.milliseconds)} processing time`),
  ];
}
