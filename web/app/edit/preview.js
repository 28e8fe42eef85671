/** The preview of the recipe: the selected image with the operations, drawn by the browser before anything is sent. */

import { computed, effect, signal } from "../vendor/preact.js";
import { getRawLink } from "../net/api.js";
import { findOriginal, getJob } from "../store/images.js";
import { drawImage, drawOperations, drawOutput } from "./drawing.js";
import { createMarks } from "./marks.js";

/**
 * @typedef {import("./drawing.js").Drawing} Drawing
 * @typedef {import("../store/images.js").StoredImage} StoredImage
 * @typedef {Drawing & {format: string, missing: string[], original: import("./sizes.js").Size}} Preview
 *   `missing` names the operations that are not shown
 */

/** @type {WeakMap<object, ReturnType<typeof createPreview>>} */
const known = new WeakMap();

/** Return the preview of the app. @param {import("../app.js").App} app */
export function getPreview(app) {
  const preview = known.get(app) ?? createPreview(app);
  known.set(app, preview);
  return preview;
}

/** @param {import("../app.js").App} app */
function createPreview({ store, editor, plan }) {
  /** The selected image without operations. It is null while it loads, and if the browser cannot decode it. */
  const source = signal(/** @type {Drawing|null} */ (null));
  const shown = signal(/** @type {Preview|null} */ (null));
  const marks = createMarks();
  let loadedKey = "";
  let frame = 0;

  /** @param {StoredImage} image */
  const load = async (image) => {
    loadedKey = image.key;
    source.value = null;
    editor.subject.value = { status: "loading", size: null };
    const decoded = await decode(image).catch(() => null);
    if (loadedKey !== image.key) return; // another image is selected
    source.value = decoded;
    editor.subject.value = { status: decoded ? "ready" : "failed", size: decoded?.size ?? null };
  };

  // Computed, so that the progress of an upload does not draw again.
  const isShown = computed(
    () => store.selected.value !== null && !plan.value.invalid && !hasResult(store.selected.value, editor),
  );
  effect(() => {
    const image = store.selected.value;
    const isNeeded = editor.tool.value >= 0 || isShown.value;
    if (!image) {
      loadedKey = "";
      source.value = null;
      editor.subject.value = { status: "none", size: null };
    } else if (isNeeded && loadedKey !== image.key) load(image);
  });
  effect(() => {
    const drawn = source.value;
    const { operations, outputs } = editor.state.value.pipeline;
    void marks.loaded.value; // draw again when an asset has loaded
    cancelAnimationFrame(frame);
    if (!drawn || !isShown.value) shown.value = null;
    else {
      frame = requestAnimationFrame(() => {
        const output = outputs[0] ?? {};
        const all = [...operations, ...(output.operations ?? [])];
        const { missing, ...drawing } = drawOperations(drawn, all, marks.draw);
        shown.value = {
          ...drawOutput(drawing, output),
          missing,
          original: drawn.size,
          format: String(output.format ?? "png").toUpperCase(),
        };
      });
    }
  });
  return { source, shown, marks };
}

/** Return true if the newest result of an image is of the recipe, or will be. @param {StoredImage} image @param {import("../recipe/editor.js").RecipeEditor} editor */
function hasResult(image, editor) {
  const job = getJob(image.state.value);
  return Boolean(job?.result) && editor.matches(/** @type {Job} */ (job));
}

/** @param {StoredImage} image @returns {Promise<Drawing>} */
async function decode(image) {
  const job = findOriginal(image.state.value.versions);
  const data = image.file ?? (await (await fetch((await getRawLink(job?.id ?? "")).url)).blob());
  const url = URL.createObjectURL(data);
  try {
    const element = new Image();
    element.src = url;
    await element.decode();
    return drawImage(element, { width: element.naturalWidth, height: element.naturalHeight });
  } finally {
    URL.revokeObjectURL(url);
  }
}
