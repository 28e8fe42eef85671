/** What the start page shows before there are images. */

import { html } from "../vendor/preact.js";
import { announce } from "../base/announce.js";
import { formatBytes, formatDimensions, formatSaving } from "../base/format.js";
import { FileButtons } from "../uploads/file-input.js";
import { FIGURES } from "./start-figures.js";

const WIDTH = 104; // CSS pixels
/** The presets with the file of their result in `start/`. The result of `archive` has the pixels of the original. */
const EXAMPLES = /** @type {const} */ ([
  ["web", "web"],
  ["thumbnail", "thumbnail"],
  ["archive", "before"],
]);

/**
 * @param {{capabilities: Capabilities, editor: import("../recipe/editor.js").RecipeEditor,
 *   onFiles: (files: import("../uploads/file-check.js").Added[]) => void, onSample: () => void}} props
 */
export function Start({ capabilities, editor, onFiles, onSample }) {
  const formats = capabilities.inputs.map((each) => each.format).join(", ");
  const { max_raw_bytes: bytes, max_pixels: pixels } = capabilities.limits;
  const known = EXAMPLES.filter(([name]) => editor.presets.value.some((each) => each.name === name));
  return html`<section class="start" aria-label="Add images">
    <div class="start-lamp" aria-hidden="true"></div>
    <h1 tabindex="-1">Make images smaller, and compare before and after</h1>
    <p class="lead">
      Drop images or a folder anywhere on this page, or paste an image.
    </p>
    <${FileButtons} onFiles=${onFiles} />
    <p>
      <button type="button" class="link" onClick=${onSample}>
        Try it with a sample image
      </button>
    </p>
    <div class="examples" role="group" aria-label="The sample image with each preset">
      ${known.map(([name, file]) => html`<${Example} key=${name} name=${name} file=${file} editor=${editor} />`)}
    </div>
    <p class="faint">${formats}. Up to ${formatBytes(bytes)} and ${Math.round(pixels / 1e6)} megapixels per image.</p>
  </section>`;
}

/** @param {{name: "web"|"thumbnail"|"archive", file: string, editor: import("../recipe/editor.js").RecipeEditor}} props */
function Example({ name, file, editor }) {
  const { before, [name]: after } = FIGURES;
  const choose = () => {
    editor.choose(name);
    announce(`Preset ${name} chosen`);
  };
  return html`<button
    type="button"
    class="example"
    aria-pressed=${String(editor.state.value.preset === name)}
    onClick=${choose}
  >
    <span class="example-pictures" aria-hidden="true">
      <${Small} file="before" size=${before} />→<${Small} file=${file} size=${after} />
    </span>
    <span>
      <b>Use ${name}</b>
      <span class="faint">${formatDimensions(after.width, after.height)} ${after.format}</span>
      <span class="faint">${formatBytes(before.size)} → ${formatBytes(after.size)}${" "}<b class=${after.size < before.size ? "saved" : "grown"}>${formatSaving(before.size, after.size)}</b></span>
    </span>
  </button>`;
}

/** @param {{file: string, size: {width: number, height: number}}} props */
function Small({ file, size }) {
  return html`<img
    src=${new URL(`../start/${file}.webp`, import.meta.url).href}
    alt=""
    loading="lazy"
    decoding="async"
    width=${WIDTH}
    height=${Math.round((WIDTH * size.height) / size.width)}
  />`;
}
