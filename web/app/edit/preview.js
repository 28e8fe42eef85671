/** The preview of the recipe: the selected image with the operations, drawn by the browser before anything is sent. */

import { computed, effect, signal } from "../vendor/preact.js";
import { decodeReduced, readDimensions } from "../base/bitmap.js";
import { getRawLink } from "../net/api.js";
import { findOriginal, getJob } from "../store/images.js";
import { drawImage, drawOperations, fitCanvas, drawOutput } from "./drawing.js";
import { createMarks } from "./marks.js";

/**
 * @typedef {import("./drawing.js").Drawing} Drawing
 * @typedef {import("../store/images.js").StoredImage} StoredImage
 * @typedef {Drawing & {missing: string[]}} Preview the drawing of one output; `missing` names the operations that are not shown
 * @typedef {{name: string, format: string, bytes: number|null}} PreviewedOutput `bytes` is an estimate
 * @typedef {{outputs: PreviewedOutput[], drawn: ReadonlyMap<string, Preview>, original: import("./sizes.js").Size,
 *   want: (names: string[]) => void}} Previews
 *   `drawn` has the outputs that are wanted, by name, or the first one
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
  const shown = signal(/** @type {Previews|null} */ (null));
  /** Names of the outputs that are looked at. */
  const wanted = signal(/** @type {string[]} */ ([]));
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
  const want = (/** @type {string[]} */ names) => {
    if (names.join() !== wanted.peek().join()) wanted.value = names;
  };
  effect(() => {
    const decoded = source.value;
    const { operations, outputs } = editor.state.value.pipeline;
    const names = outputs.map(getName);
    const chosen = names.filter((each) => wanted.value.includes(each));
    const planned = plan.value.plan?.outputs ?? [];
    void marks.loaded.value; // draw again when an asset has loaded
    cancelAnimationFrame(frame);
    if (!decoded || !isShown.value) {
      shown.value = null;
      return;
    }
    frame = requestAnimationFrame(() => {
      const common = drawOperations(decoded, operations, marks.draw);
      const looked = outputs.filter((each) => (chosen.length ? chosen : names.slice(0, 1)).includes(getName(each)));
      shown.value = {
        outputs: outputs.map((each) => ({
          name: getName(each),
          format: String(each.format ?? "png").toUpperCase(),
          bytes: planned.find(({ name }) => name === getName(each))?.estimated_bytes ?? null,
        })),
        drawn: new Map(looked.map((each) => [getName(each), drawOne(common, each, marks.draw)])),
        original: decoded.size,
        want,
      };
    });
  });
  return { source, shown, marks };
}

/** @param {Record<string, any>} output @returns {string} */
const getName = ({ name }) => name ?? "image";

/** Draw one output. @param {Preview} common after the operations of all outputs @param {Record<string, any>} output @param {import("./drawing.js").LoadMark} loadMark @returns {Preview} */
function drawOne(common, output, loadMark) {
  const { missing, ...drawing } = drawOperations(common, output.operations ?? [], loadMark);
  return { ...drawOutput(drawing, output), missing: [...common.missing, ...missing] };
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
  const size = await readDimensions(data);
  const fitted = fitCanvas(size);
  const bitmap = await (fitted.width < size.width ? decodeReduced(data, fitted) : createImageBitmap(data));
  try {
    return drawImage(bitmap, size);
  } finally {
    bitmap.close();
  }
}
