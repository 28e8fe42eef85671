/** The stored images that watermarks use: a gallery with thumbnails, upload and deletion. */

import { html, signal, useEffect, useRef } from "../vendor/preact.js";
import { announce, showNote } from "../base/announce.js";
import { confirmAction } from "../base/confirmation.js";
import { formatDimensions } from "../base/format.js";
import { Icon } from "../base/icons.js";
import { reportProblems } from "../jobs/actions.js";
import { request } from "../net/http.js";
import { runWithRetries } from "../net/retry.js";
import { sendBody } from "../net/upload.js";
import { nameAsset } from "./asset-names.js";

/** @typedef {{name: string, width: number, height: number, digest: string}} Asset */

/** All assets, or null until they are loaded. @type {import("../vendor/preact.js").Signal<Asset[]|null>} */
const assets = signal(null);
/** Decoded images by digest. @type {Map<string, Promise<HTMLImageElement>>} */
const images = new Map();
const TYPES = "image/png,image/jpeg,image/webp";

async function loadAssets() {
  /** @type {Asset[]} */
  const found = [];
  let cursor = "";
  do {
    const { body } = await runWithRetries(() => request("GET", `assets?limit=100${cursor && `&cursor=${cursor}`}`));
    found.push(...body.assets);
    cursor = body.next_cursor ? encodeURIComponent(body.next_cursor) : "";
  } while (cursor);
  assets.value = found;
}

/** Return the image of an asset. @param {string} name @returns {Promise<HTMLImageElement>} */
export async function loadAssetImage(name) {
  if (!assets.value) await loadAssets();
  const asset = assets.value?.find((each) => each.name === name);
  if (!asset) throw new Error(`There is no asset named ${name}.`);
  const known = images.get(asset.digest);
  const loading = known ?? readImage(name);
  images.set(asset.digest, loading);
  return loading;
}

/** @param {string} name @returns {Promise<HTMLImageElement>} */
async function readImage(name) {
  const { body } = await runWithRetries(() =>
    request("GET", `assets/${encodeURIComponent(name)}/image?redirect=false`),
  );
  // Read as data, not by the URL: the preview reads the pixels of what it draws.
  const url = URL.createObjectURL(await (await fetch(body.url)).blob());
  try {
    const element = new Image();
    element.src = url;
    await element.decode();
    return element;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/**
 * @param {{chosen: string|null, onChoose: (name: string) => void, onRemoved: (name: string) => void}} props
 */
export function AssetGallery({ chosen, onChoose, onRemoved }) {
  const picker = useRef(/** @type {HTMLInputElement|null} */ (null));
  useEffect(() => void reportProblems(loadAssets), []);
  const upload = (/** @type {Event} */ event) => {
    const input = /** @type {HTMLInputElement} */ (event.currentTarget);
    const file = input.files?.[0];
    input.value = ""; // so that the same file can be chosen again
    if (!file) return;
    reportProblems(async () => {
      const name = nameAsset(
        file.name,
        (assets.value ?? []).map((each) => each.name),
      );
      const stored = await runWithRetries(() =>
        sendBody(`assets/${name}`, file, { method: "PUT", headers: {}, onProgress: () => {} }),
      );
      assets.value = [...(assets.value ?? []), stored];
      onChoose(stored.name);
      announce(`${stored.name} uploaded and chosen`);
    });
  };
  const remove = async (/** @type {Asset} */ asset) => {
    const text = "Recipes that use it become invalid. Open jobs that use it fail.";
    if (!(await confirmAction({ title: `Delete the image ${asset.name}?`, text, yes: "Delete" }))) return;
    await reportProblems(async () => {
      await runWithRetries(() => request("DELETE", `assets/${encodeURIComponent(asset.name)}`));
      assets.value = (assets.value ?? []).filter((each) => each.name !== asset.name);
      onRemoved(asset.name);
      showNote(`${asset.name} deleted`);
    });
  };
  const list = assets.value;
  const selected = list?.find((each) => each.name === chosen);
  return html`<div class="assets" role="group" aria-label="Stored images">
      ${list?.map(
        (each) =>
          html`<button
            key=${each.digest + each.name}
            type="button"
            class="asset-choice"
            aria-pressed=${String(each.name === chosen)}
            title=${`${each.name}, ${formatDimensions(each.width, each.height)}`}
            onClick=${() => onChoose(each.name)}
          >
            <${AssetPicture} asset=${each} />
            <span>${each.name}</span>
          </button>`,
      )}
    </div>
    ${list?.length === 0 && html`<p class="faint">No stored images yet.</p>`}
    <div class="row">
      <button type="button" class="button button-small" onClick=${() => picker.current?.click()}>
        <${Icon} name="add" /> Upload an image
      </button>
      ${
        selected &&
        html`<button type="button" class="button button-small" onClick=${() => remove(selected)}>
          <${Icon} name="trash" /> Delete ${selected.name}
        </button>`
      }
      <input
        ref=${picker}
        type="file"
        class="unseen"
        tabindex="-1"
        accept=${TYPES}
        aria-label="Image for watermarks"
        data-asset-picker
        onChange=${upload}
      />
    </div>`;
}

/** @param {{asset: Asset}} props */
function AssetPicture({ asset }) {
  const canvas = useRef(/** @type {HTMLCanvasElement|null} */ (null));
  useEffect(() => {
    loadAssetImage(asset.name).then(
      (image) => {
        const element = canvas.current;
        if (!element) return;
        element.width = Math.min(image.naturalWidth, 160);
        element.height = Math.max(1, Math.round((element.width * image.naturalHeight) / image.naturalWidth));
        element.getContext("2d")?.drawImage(image, 0, 0, element.width, element.height);
        element.dataset.shown = "";
      },
      () => {},
    );
  }, [asset.digest]);
  return html`<canvas ref=${canvas} width="1" height="1" />`;
}
