/** Input of images: drop, paste, file picker and camera. */

import { el, find } from "../base/dom.js";
import { createIcon } from "../base/icons.js";

/** @param {(files: File[]) => void} onFiles */
export function listenForFiles(onFiles) {
  const take = (/** @type {Iterable<File>} */ list) => {
    const files = [...list].filter((each) => each.size > 0 || each.type);
    if (files.length) onFiles(files);
  };
  let inside = 0;
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const show = (over) => (document.body.dataset.dropping = over ? "yes" : "no");

  document.addEventListener("dragenter", (event) => hasFiles(event) && show((inside += 1)));
  document.addEventListener("dragleave", (event) => hasFiles(event) && show((inside = Math.max(0, inside - 1))));
  document.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
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

/** Create the drop zone, with buttons for the file picker and the camera. @param {(files: File[]) => void} onFiles @param {string} formats */
export function createDropZone(onFiles, formats) {
  const picker = createInput({ multiple: true, id: "file-picker", "aria-label": "Images to process" });
  const camera = createInput({ capture: "environment", id: "camera-picker", "aria-label": "Photo from the camera" });
  for (const each of [picker, camera]) {
    each.addEventListener("change", () => {
      onFiles([...each.files]);
      each.value = ""; // so that the same file can be chosen again
    });
  }
  return el("section", { class: "drop", "aria-label": "Add images" },
    el("div", { class: "lamp", "aria-hidden": "true" }),
    el("p", { class: "drop-title" }, "Drop images here"),
    el("div", { class: "row row-centre" },
      el("button", { class: "button button-primary", id: "choose", onClick: () => picker.click() }, createIcon("image"), "Choose images"),
      el("button", { class: "button camera", onClick: () => camera.click() }, createIcon("camera"), "Take a photo")),
    el("p", { class: "faint drop-hint" }, `or paste an image. Supported formats: ${formats}.`),
    picker, camera);
}

function createInput(more) {
  return el("input", { type: "file", accept: "image/*,.tif,.tiff,.avif,.heic,.heif,.hif", class: "unseen", tabindex: "-1", ...more });
}

/** Move the focus to the button that chooses images. */
export function focusFileInput() {
  find("#choose")?.focus();
}
