/** Results as pictures: their links are asked for when they come into view, because each takes a request. */

import { el } from "../base/dom.js";
import { icon } from "../base/icons.js";
import { link } from "../net/api.js";

/** @type {WeakMap<Element, () => void>} */
const loaders = new WeakMap();
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    watcher.unobserve(entry.target);
    loaders.get(entry.target)?.();
  }
}, { rootMargin: "200px" });

/** @param {any} job @param {string} [alt] */
export function resultPicture(job, alt = "") {
  const picture = el("img", { class: "print-picture", alt, decoding: "async" });
  if (job.result) picture.style.aspectRatio = `${job.result.width} / ${job.result.height}`;
  const frame = el("div", { class: "print-frame" }, picture);
  const load = async () => {
    try {
      await show(picture, job.result?.url ?? (await link(job.id)).url);
      frame.dataset.shown = "";
    } catch {
      blank(frame, job.result?.format);
    }
  };
  loaders.set(frame, load);
  watcher.observe(frame);
  return frame;
}

/** Show a picture once it is there whole. @param {HTMLImageElement} picture @param {string} url */
export async function show(picture, url) {
  picture.src = url;
  await picture.decode();
}

/** What stands where a browser can show nothing. @param {Element} frame @param {string} [format] */
export function blank(frame, format = "") {
  frame.replaceChildren(el("span", { class: "blank" }, icon("picture"), format && el("span", {}, format)));
}
