/** What the start page shows before there are images. */

import { html } from "../vendor/preact.js";
import { formatBytes } from "../base/format.js";
import { FileButtons } from "../uploads/file-input.js";

/**
 * @param {{capabilities: Capabilities, onFiles: (files: import("../uploads/file-check.js").Added[]) => void, onSample: () => void}} props
 */
export function Start({ capabilities, onFiles, onSample }) {
  const formats = capabilities.inputs.map((each) => each.format).join(", ");
  const { max_raw_bytes: bytes, max_pixels: pixels } = capabilities.limits;
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
    <p class="faint">${formats}. Up to ${formatBytes(bytes)} and ${Math.round(pixels / 1e6)} megapixels per image.</p>
  </section>`;
}
