/** Presets: the buttons that choose one, and saving and deleting presets of one's own. */

import { html, useState } from "../vendor/preact.js";
import { announce, showNote } from "../base/announce.js";
import { confirmAction } from "../base/confirmation.js";
import { focusSoon } from "../base/dom.js";
import { Icon } from "../base/icons.js";
import { reportProblems } from "../jobs/actions.js";
import { deletePreset, savePreset } from "../net/api.js";

/** Presets that are offered as large buttons. Others are in a list. */
const FEATURED = ["web", "thumbnail", "archive"];

/** @typedef {import("./editor.js").RecipeEditor} RecipeEditor */

/** @param {{editor: RecipeEditor}} props */
export function PresetChoice({ editor }) {
  const presets = editor.presets.value;
  const { preset } = editor.state.value;
  const featured = FEATURED.flatMap((name) => presets.find((each) => each.name === name) ?? []);
  const others = presets.filter((each) => !FEATURED.includes(each.name));
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
    <${OwnPreset} editor=${editor} />`;
}

/** Describe a pipeline in a few words: `1600 px, WebP`. @param {any} pipeline */
export function describePipeline({ operations, outputs }) {
  const resize = operations.find((/** @type {any} */ each) => each.op === "resize");
  const size =
    resize && (resize.fit === "cover" ? `${resize.width} × ${resize.height}` : `${resize.width ?? resize.height} px`);
  const formats = outputs.map((/** @type {any} */ each) => String(each.format ?? "png").toUpperCase()).join(" + ");
  return [size ?? "original size", formats].join(", ");
}

/** Save a recipe of one's own as a preset, or delete such a preset. @param {{editor: RecipeEditor}} props */
function OwnPreset({ editor }) {
  const [isNaming, setNaming] = useState(false);
  const { preset } = editor.state.value;
  const own = editor.presets.value.find((each) => each.name === preset && !each.built_in);
  if (own) {
    return html`<button
      type="button"
      class="button button-small"
      onClick=${() => removePreset(editor, own.name)}
    >
      <${Icon} name="trash" /> Delete preset ${own.name}
    </button>`;
  }
  if (preset) return null;
  if (!isNaming) {
    const start = () => {
      setNaming(true);
      focusSoon("#preset-name");
    };
    return html`<button
      type="button"
      class="button button-small"
      onClick=${start}
    >
      <${Icon} name="check" /> Save as preset
    </button>`;
  }
  const save = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const input = /** @type {HTMLFormElement} */ (event.currentTarget).querySelector("input");
    reportProblems(async () => {
      const saved = await savePreset(input?.value ?? "", editor.compacted.value);
      editor.presets.value = [...editor.presets.value.filter((each) => each.name !== saved.name), saved];
      editor.choose(saved.name);
      setNaming(false);
      showNote(`Saved as ${saved.name}`);
      focusSoon(".other-presets");
    });
  };
  return html`<form class="keeper" onSubmit=${save}>
    <label for="preset-name">Name</label>
    <input
      id="preset-name"
      type="text"
      required
      pattern="[a-z0-9][a-z0-9_\\-]{0,63}"
      title="Lowercase letters, digits, hyphens and underscores"
      maxlength="64"
      autocomplete="off"
      spellcheck=${false}
      placeholder="my-recipe"
    />
    <button type="submit" class="button button-small">
      <${Icon} name="check" /> Save
    </button>
  </form>`;
}

/** @param {RecipeEditor} editor @param {string} name */
async function removePreset(editor, name) {
  const text = "Jobs that used it keep their recipe.";
  if (
    !(await confirmAction({
      title: `Delete the preset ${name}?`,
      text,
      yes: "Delete",
    }))
  )
    return;
  await reportProblems(async () => {
    await deletePreset(name);
    editor.presets.value = editor.presets.value.filter((each) => each.name !== name);
    editor.choose("web");
    announce(`Preset ${name} deleted`);
    focusSoon('[data-preset="web"]');
  });
}
