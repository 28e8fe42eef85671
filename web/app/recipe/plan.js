/** The live plan: what would come out, told by the API as the recipe changes, before anything is sent. */

import { plan } from "../net/api.js";
import { Problem, sentence } from "../net/problem.js";
import { el, fill } from "../base/dom.js";
import { bytes, label, lasting, sides } from "../base/format.js";
import { complain } from "./controls.js";
import { headOf } from "./heads.js";

const CALM_MILLISECONDS = 250;
const USUAL = { width: 4000, height: 3000, format: "jpeg" };

/**
 * @param {import("./recipe.js").Bench} bench @param {() => File|null} picture the one that the plan is for
 * @param {ParentNode} form where complaints are marked
 */
export function planPanel(bench, picture, form) {
  const shown = el("div", { class: "plan", "aria-live": "polite" });
  let timer = 0;
  let running = new AbortController();

  const ask = async () => {
    running.abort();
    running = new AbortController();
    const file = picture();
    try {
      const found = await planFor(file, bench.wanted(), running.signal);
      complain(form, []);
      fill(shown, view(found, file));
    } catch (fault) {
      if (!(fault instanceof Problem)) return; // a newer question came between
      const rest = complain(form, fault.errors);
      fill(shown, el("p", { class: "plan-bad" }, sentence(fault)), rest.map((each) => el("p", { class: "plan-bad" }, each.detail)));
    }
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, CALM_MILLISECONDS);
  };
  bench.state.subscribe(soon);
  soon();
  return { element: shown, refresh: soon };
}

async function planFor(file, wanted, signal) {
  if (!file) return plan({ ...USUAL, ...wanted }, signal);
  try {
    return await plan({ head: await headOf(file), size: file.size, ...wanted }, signal);
  } catch (problem) {
    // A camera may put so much before the header that the usual beginning does not reach it.
    const unread = problem instanceof Problem && problem.errors.some((each) => each.pointer === "/head");
    if (!unread) throw problem;
  }
  try {
    return await plan({ head: await headOf(file, { more: true }), size: file.size, ...wanted }, signal);
  } catch (problem) {
    if (!(problem instanceof Problem) || !problem.errors.some((each) => each.pointer === "/head")) throw problem;
    throw new Problem({ code: "UNREADABLE_HEAD", title: `The beginning of ${file.name} is not that of a picture.` });
  }
}

function view(found, file) {
  const { picture, failure, outputs, warnings, estimate } = found;
  const from = file ? file.name : "a photograph of 12 megapixels";
  if (failure) {
    return [el("p", { class: "plan-bad" }, `${from}: ${sentence(failure)}`)];
  }
  return [
    el("p", { class: "plan-from" }, "From ", el("b", {}, from), ` (${sides(picture.width, picture.height)} ${picture.format}`,
      picture.size ? `, ${bytes(picture.size)})` : ")"),
    found.steps.length > 0 && el("p", { class: "plan-steps" }, found.steps.map((step) => label(step.op)).join(" → ")),
    el("ul", { class: "plan-outputs" }, outputs.map((each) =>
      el("li", {}, el("b", {}, `${each.exact ? "" : "at most "}${sides(each.width, each.height)}`), ` ${each.format}`,
        outputs.length > 1 && el("span", { class: "faint" }, ` ${each.name}`)))),
    warnings.map((each) => el("p", { class: "plan-warning" }, each.message)),
    el("p", { class: "faint" }, `About ${lasting(estimate.milliseconds)} of work`),
  ];
}
