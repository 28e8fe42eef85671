/** The ways that pictures get in: dropped anywhere, pasted, picked, taken with the camera. */

import { el, find } from "../base/dom.js";
import { icon } from "../base/icons.js";

/** @param {(files: File[]) => void} onFiles */
export function takeFiles(onFiles) {
  const take = (/** @type {Iterable<File>} */ list) => {
    const files = [...list].filter((each) => each.size > 0 || each.type);
    if (files.length) onFiles(files);
  };
  let inside = 0;
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  const show = (over) => (document.body.dataset.dropping = over ? "yes" : "no");

  document.addEventListener("dragenter", (event) => carries(event) && show((inside += 1)));
  document.addEventListener("dragleave", (event) => carries(event) && show((inside = Math.max(0, inside - 1))));
  document.addEventListener("dragover", (event) => carries(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    show((inside = 0));
    take(event.dataTransfer?.files ?? []);
  });
  document.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files;
    if (!files?.length) return;
    event.preventDefault();
    take(files);
  });
}

/** The place to drop onto, with the buttons for those who do not. @param {(files: File[]) => void} onFiles @param {string} formats */
export function dropZone(onFiles, formats) {
  const picker = input({ multiple: true, id: "file-picker", "aria-label": "Pictures to develop" });
  const camera = input({ capture: "environment", id: "camera-picker", "aria-label": "Picture from the camera" });
  for (const each of [picker, camera]) {
    each.addEventListener("change", () => {
      onFiles([...each.files]);
      each.value = ""; // so that the same file can be picked again
    });
  }
  return el("section", { class: "drop", "aria-label": "Add pictures" },
    el("div", { class: "lamp", "aria-hidden": "true" }),
    el("p", { class: "drop-title" }, "Drop pictures here"),
    el("div", { class: "row row-centre" },
      el("button", { type: "button", class: "button button-primary", id: "choose", onClick: () => picker.click() }, icon("picture"), "Choose pictures"),
      el("button", { type: "button", class: "button camera", onClick: () => camera.click() }, icon("camera"), "Take a photo")),
    el("p", { class: "faint drop-hint" }, `or paste one. ${formats}.`),
    picker, camera);
}

function input(more) {
  return el("input", { type: "file", accept: "image/*,.tif,.tiff,.avif,.heic", class: "unseen", tabindex: "-1", ...more });
}

/** Put the focus where the next picture is chosen. */
export function focusIntake() {
  find("#choose")?.focus();
}
