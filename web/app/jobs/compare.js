/** Before and after: one over the other with a slider between, or side by side where their shapes differ. */

import { el, fill } from "../base/dom.js";
import { bytes, sides } from "../base/format.js";
import { blank, show } from "./pictures.js";

const SAME_SHAPE = 0.02;

/**
 * @param {{url: string, alt: string, caption: string, format?: string}} before
 * @param {{url: string, alt: string, caption: string, format?: string}} after
 */
export function compare(before, after) {
  const [first, second] = [before, after].map((each) => el("img", { alt: each.alt, decoding: "async" }));
  const stage = el("div", { class: "compare-stage" });
  const slider = el("input", {
    type: "range", min: 0, max: 100, step: 1, value: 50, class: "compare-slider", "aria-label": "How much of the original is shown",
  });
  const tell = () => {
    stage.style.setProperty("--split", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", `${slider.value} % before, ${100 - Number(slider.value)} % after`);
  };
  slider.addEventListener("input", tell);
  tell();
  const beside = el("button", { type: "button", class: "button button-small", "aria-pressed": "false" }, "Side by side");
  const frame = el("figure", { class: "compare", "aria-label": "Before and after" }, stage,
    el("figcaption", { class: "compare-captions" },
      el("span", {}, el("b", {}, "Before "), before.caption), beside, el("span", {}, el("b", {}, "After "), after.caption)));

  const arrange = (sideBySide) => {
    frame.dataset.layout = sideBySide ? "beside" : "over";
    beside.setAttribute("aria-pressed", String(sideBySide));
    fill(stage, layer(first, "before"), layer(second, "after"), !sideBySide && [el("span", { class: "compare-line", "aria-hidden": "true" }), slider]);
  };
  beside.addEventListener("click", () => arrange(frame.dataset.layout !== "beside"));
  arrange(false);
  load(first, before, second, after).then((alike) => alike || arrange(true));
  return frame;
}

/** @returns {Promise<boolean>} whether one can lie over the other */
async function load(first, before, second, after) {
  const shown = await Promise.all([[first, before], [second, after]].map(async ([picture, { url, format }]) => {
    try {
      await show(picture, url);
      return true;
    } catch {
      blank(picture.parentElement, format); // a browser shows no TIFF
      return false;
    }
  }));
  if (shown.includes(false)) return false;
  const [one, other] = [first, second].map((each) => each.naturalWidth / each.naturalHeight);
  return Math.abs(one / other - 1) < SAME_SHAPE;
}

function layer(picture, kind) {
  return el("div", { class: `compare-layer compare-${kind}` }, picture);
}

/** @param {{width?: number|null, height?: number|null, size?: number|null, format?: string|null}} facts */
export function caption({ width, height, size, format }) {
  return [sides(width, height), format, bytes(size)].filter(Boolean).join(" · ");
}
