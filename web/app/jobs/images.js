/** Result images. Their links are requested when they scroll into view, because each link takes one request. */

import { el } from "../base/dom.js";
import { createIcon } from "../base/icons.js";
import { getResultLink } from "../net/api.js";

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
export function createResultImage(job, alt = "") {
  const image = el("img", { class: "print-picture", alt, decoding: "async" });
  if (job.result) image.style.aspectRatio = `${job.result.width} / ${job.result.height}`;
  const frame = el("div", { class: "print-frame" }, image);
  const load = async () => {
    try {
      await show(image, job.result?.url ?? (await getResultLink(job.id)).url);
      frame.dataset.shown = "";
    } catch {
      showPlaceholder(frame, job.result?.format);
    }
  };
  loaders.set(frame, load);
  watcher.observe(frame);
  return frame;
}

/** Load an image and wait until it is decoded. @param {HTMLImageElement} image @param {string} url */
export async function show(image, url) {
  image.src = url;
  await image.decode();
}

/** Show a placeholder for an image that the browser cannot display. @param {Element} frame @param {string} [format] */
export function showPlaceholder(frame, format = "") {
  frame.replaceChildren(el("span", { class: "blank" }, createIcon("image"), format && el("span", {}, format)));
}
