/** Presets: the buttons that choose one. */

import { html } from "../vendor/preact.js";
import { useModule } from "../base/module.js";

/** Presets that are offered as large buttons. Others are in a list. */
const FEATURED = ["web", "thumbnail", "archive"];

/** @typedef {import("./editor.js").RecipeEditor} RecipeEditor */

/** @param {{editor: RecipeEditor}} props */
export function PresetChoice({ editor }) {
  const presets = editor.presets.value;
  const { preset } = editor.state.value;
  const featured = FEATURED.flatMap((name) => presets.find((each) => each.name === name) ?? []);
  const others = presets.filter((each) => !FEATURED.includes(each.name));
  const isOwn = presets.every((each) => each.name !== preset || !each.built_in);
  const own = useModule(() => import("./own-preset.js"), isOwn);
  const isOther = others.some((each) => each.name === preset);
  const choose = (/** @type {Event} */ event) => {
    const { value } = /** @type {HTMLSelectElement} */ (event.currentTarget);
    if (value) editor.choose(value);
  };
  return html`<div class="presets" role="group" aria-label="Presets">
      ${featured.map(
        (each) =>
          html`<button
            key=${each.name}
            type="button"
            class="preset"
            aria-pressed=${String(each.name === preset)}
            title=${each.description}
            data-preset=${each.name}
            onClick=${() => editor.choose(each.name)}
          >
            <b>${each.name}</b>
            <span>${describePipeline(each.pipeline)}</span>
          </button>`,
      )}
    </div>
    ${
      others.length > 0 &&
      html`<select
        class="other-presets"
        aria-label="Other presets"
        value=${isOther ? preset : ""}
        onChange=${choose}
      >
        <option value="">
          ${preset ? "Other presets" : "Your own recipe"}
        </option>
        ${others.map((each) => html`<option key=${each.name} value=${each.name} title=${each.description}>${each.name}</option>`)}
      </select>`
    }
    ${isOwn && own && html`<${own.OwnPreset} editor=${editor} />`}`;
}

/** Describe a pipeline in a few words: `1600 px, WebP`. @param {any} pipeline */
export function describePipeline({ operations, outputs }) {
  const resize = operations.find((/** @type {any} */ each) => each.op === "resize");
  const size =
    resize && (resize.fit === "cover" ? `${resize.width} × ${resize.height}` : `${resize.width ?? resize.height} px`);
  const formats = outputs.map((/** @type {any} */ each) => String(each.format ?? "png").toUpperCase()).join(" + ");
  return [size ?? "original size", formats].join(", ");
}
