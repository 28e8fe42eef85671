/** Comparison of original and result: overlaid with a slider, or side by side if their aspect ratios differ. */

import { el, fill } from "../base/dom.js";
import { formatBytes, formatDimensions } from "../base/format.js";
import { showPlaceholder, show } from "./images.js";

const RATIO_TOLERANCE = 0.02;

/**
 * @param {{url: string, alt: string, caption: string, format?: string}} before
 * @param {{url: string, alt: string, caption: string, format?: string}} after
 */
export function compare(before, after) {
  const [first, second] = [before, after].map((each) => el("img", { alt: each.alt, decoding: "async" }));
  const stage = el("div", { class: "compare-stage" });
  const slider = el("input", {
    type: "range", min: 0, max: 100, step: 1, value: 50, class: "compare-slider", "aria-label": "Share of the original shown",
  });
  const update = () => {
    stage.style.setProperty("--split", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", `${slider.value} % before, ${100 - Number(slider.value)} % after`);
  };
  slider.addEventListener("input", update);
  update();
  const beside = el("button", { class: "button button-small", "aria-pressed": "false" }, "Side by side");
  const frame = el("figure", { class: "compare", "aria-label": "Before and after" }, stage,
    el("figcaption", { class: "compare-captions" },
      el("span", {}, el("b", {}, "Before "), before.caption), beside, el("span", {}, el("b", {}, "After "), after.caption)));

  const arrange = (sideBySide) => {
    frame.dataset.layout = sideBySide ? "beside" : "over";
    beside.setAttribute("aria-pressed", String(sideBySide));
    fill(stage, createLayer(first, "before"), createLayer(second, "after"), !sideBySide && [el("span", { class: "compare-line", "aria-hidden": "true" }), slider]);
  };
  beside.addEventListener("click", () => arrange(frame.dataset.layout !== "beside"));
  arrange(false);
  load(first, before, second, after).then((overlaid) => overlaid || arrange(true));
  return frame;
}

/** @returns {Promise<boolean>} true if the aspect ratios match, so that the images can be overlaid */
async function load(first, before, second, after) {
  const shown = await Promise.all([[first, before], [second, after]].map(async ([image, { url, format }]) => {
    try {
      await show(image, url);
      return true;
    } catch {
      showPlaceholder(image.parentElement, format); // browsers cannot display TIFF
      return false;
    }
  }));
  if (shown.includes(false)) return false;
  const [one, other] = [first, second].map((each) => each.naturalWidth / each.naturalHeight);
  return Math.abs(one / other - 1) < RATIO_TOLERANCE;
}

function createLayer(image, kind) {
  return el("div", { class: `compare-layer compare-${kind}` }, image);
}

/** @param {{width?: number|null, height?: number|null, size?: number|null, format?: string|null}} facts */
export function formatCaption({ width, height, size, format }) {
  return [formatDimensions(width, height), format, formatBytes(size)].filter(Boolean).join(" · ");
}
