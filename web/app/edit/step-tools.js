/** What crops and watermarks have in the recipe besides their fields: dragging, and the choice of text or image. */

import { html, useState } from "../vendor/preact.js";
import { Choice } from "../base/choice.js";
import { Icon } from "../base/icons.js";
import { loadStyle } from "../base/module.js";
import { AssetGallery } from "./assets.js";
import { describeBox } from "./crop-box.js";
import { computeCropBox, computeSizeAfter } from "./sizes.js";

loadStyle("edit.css");

/** @type {Array<[string, string]>} */
const CONTENTS = [
  ["text", "Text"],
  ["image", "Image"],
];

/** @typedef {{editor: import("../recipe/editor.js").RecipeEditor, index: number, value: Record<string, any>}} Props */

/** @param {Props} props */
export function StepTools({ editor, index, value }) {
  const before = editor.state.value.pipeline.operations.slice(0, index);
  const { status, size } = editor.subject.value;
  const isOpen = editor.tool.value === index;
  const hasTrim = before.some((each) => each.op === "trim");
  const reason =
    (status === "none" && "Add an image first.") ||
    (status === "failed" && "This browser cannot show the selected image.") ||
    (hasTrim && "The image after a trim is not known before it is processed.") ||
    "";
  const box =
    value.op === "crop" && value.gravity !== "entropy" && size && !hasTrim && value.width > 0 && value.height > 0
      ? computeCropBox(before.reduce(computeSizeAfter, size), value)
      : null;
  return html`<div class="step-tools">
    <div class="row">
      <button
        type="button"
        class="button button-small"
        data-tool=${value.op}
        aria-pressed=${String(isOpen)}
        disabled=${Boolean(reason)}
        title=${reason}
        onClick=${() => (editor.tool.value = isOpen ? -1 : index)}
      >
        <${Icon} name=${value.op === "crop" ? "crop" : "move"} /> ${isOpen ? "Done" : "Drag on the image"}
      </button>
      ${reason ? html`<span class="faint">${reason}</span>` : box && html`<output class="faint" dir="ltr">${describeBox(box)}</output>`}
    </div>
    ${value.op === "watermark" && html`<${MarkContent} editor=${editor} index=${index} value=${value} />`}
  </div>`;
}

/** Choose the text or the image of a watermark. @param {Props} props */
function MarkContent({ editor, index, value }) {
  const [kind, setKind] = useState(value.image ? "image" : "text");
  const choose = (/** @type {string} */ next) => {
    setKind(next);
    if (next === "text" && value.image) editor.setOperation(index, { image: null, text: "© Safelight" });
  };
  const shown = value.image ? "image" : kind;
  return html`<${Choice}
      label="Content of the watermark"
      options=${CONTENTS}
      chosen=${shown}
      onChoose=${choose}
    />
    ${
      shown === "image" &&
      html`<${AssetGallery}
        chosen=${value.image ?? null}
        onChoose=${(/** @type {string} */ name) => editor.setOperation(index, { image: name, text: null })}
        onRemoved=${() => choose("text")}
      />`
    }`;
}
