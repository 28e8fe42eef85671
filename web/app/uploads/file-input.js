/** Input of images: drop, paste, file picker, folder picker and camera. Folders are read with all their subfolders. */

import { html, useRef } from "../vendor/preact.js";
import { Icon } from "../base/icons.js";

/** @typedef {import("./file-check.js").Added} Added */

const TYPES = "image/*,.tif,.tiff,.avif,.heic,.heif,.hif,.jxl";
/** Files that operating systems add to folders. */
const HIDDEN = /^(\.|Thumbs\.db$|desktop\.ini$)/i;

/** Listen for files that are dropped or pasted anywhere on the page. @param {(files: Added[]) => void} onFiles */
export function listenForFiles(onFiles) {
  let inside = 0;
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  const show = (/** @type {number} */ over) => (document.body.dataset.dropping = over ? "yes" : "no");
  document.addEventListener("dragenter", (event) => hasFiles(event) && show((inside += 1)));
  document.addEventListener("dragleave", (event) => hasFiles(event) && show((inside = Math.max(0, inside - 1))));
  document.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  document.addEventListener("drop", async (event) => {
    if (!event.dataTransfer || !hasFiles(event)) return;
    event.preventDefault();
    show((inside = 0));
    onFiles(await readDropped(event.dataTransfer));
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    onFiles(files.map((file) => ({ file, folder: "" })));
  });
}

/** @param {DataTransfer} transfer @returns {Promise<Added[]>} */
async function readDropped(transfer) {
  // Both lists are empty after the first `await`.
  const files = [...transfer.files];
  const entries = [...transfer.items].map((each) => each.webkitGetAsEntry?.() ?? null);
  const folders = entries.filter((each) => each?.isDirectory);
  if (!folders.length) return files.map((file) => ({ file, folder: "" }));
  const read = await Promise.all(entries.map((each) => (each ? readEntry(each, "") : [])));
  return read.flat();
}

/** @param {FileSystemEntry} entry @param {string} folder @returns {Promise<Added[]>} */
async function readEntry(entry, folder) {
  if (entry.isFile) {
    if (HIDDEN.test(entry.name)) return [];
    const file = await new Promise((resolve, reject) =>
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject),
    );
    return [{ file, folder }];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const inner = folder ? `${folder}/${entry.name}` : entry.name;
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!part.length) return found; // browsers return at most 100 entries per call
    for (const each of part) found.push(...(await readEntry(each, inner)));
  }
}

/** The buttons that add images. @param {{onFiles: (files: Added[]) => void, small?: boolean}} props */
export function FileButtons({ onFiles, small = false }) {
  const picker = useRef(/** @type {HTMLInputElement|null} */ (null));
  const folder = useRef(/** @type {HTMLInputElement|null} */ (null));
  const camera = useRef(/** @type {HTMLInputElement|null} */ (null));
  const take = (/** @type {Event} */ event) => {
    const input = /** @type {HTMLInputElement} */ (event.currentTarget);
    const files = [...(input.files ?? [])].filter((file) => !HIDDEN.test(file.name));
    onFiles(
      files.map((file) => ({
        file,
        folder: file.webkitRelativePath.split("/").slice(0, -1).join("/"),
      })),
    );
    input.value = ""; // so that the same file can be chosen again
  };
  const size = small ? "button-small" : "button-large";
  const common = {
    type: "file",
    accept: TYPES,
    hidden: true, // the buttons open them
    onChange: take,
  };
  return html`<div class="row file-buttons">
    <button
      type="button"
      id="choose"
      class=${`button ${size} ${small ? "" : "button-primary"}`}
      onClick=${() => picker.current?.click()}
    >
      <${Icon} name=${small ? "add" : "image"} />
      ${small ? "Add images" : "Choose images"}
    </button>
    <button
      type="button"
      class=${`button ${size} folder-button`}
      onClick=${() => folder.current?.click()}
    >
      <${Icon} name="folder" /> ${small ? "Add a folder" : "Choose a folder"}
    </button>
    <button
      type="button"
      class=${`button ${size} camera-button`}
      onClick=${() => camera.current?.click()}
    >
      <${Icon} name="camera" /> Take a photo
    </button>
    <input
      ...${common}
      ref=${picker}
      multiple
      id="file-picker"
    />
    <input
      ...${common}
      ref=${folder}
      webkitdirectory
      id="folder-picker"
    />
    <input
      ...${common}
      ref=${camera}
      capture="environment"
      id="camera-picker"
    />
  </div>`;
}
