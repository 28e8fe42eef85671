/** A recipe of one's own: save it as a preset, and rename or delete such a preset. */

import { html, useState } from "../vendor/preact.js";
import { announce, showNote } from "../base/announce.js";
import { confirmAction } from "../base/confirmation.js";
import { focusSoon } from "../base/dom.js";
import { Icon } from "../base/icons.js";
import { reportProblems } from "../jobs/actions.js";
import { deletePreset, savePreset } from "../net/api.js";

/** @typedef {import("./editor.js").RecipeEditor} RecipeEditor */

/** Save a recipe of one's own as a preset, or rename or delete such a preset. @param {{editor: RecipeEditor}} props */
export function OwnPreset({ editor }) {
  const [isNaming, setNaming] = useState(false);
  const { preset } = editor.state.value;
  const own = editor.presets.value.find((each) => each.name === preset && !each.built_in);
  if (preset && !own) return null;
  const start = () => {
    setNaming(true);
    focusSoon("#preset-name");
  };
  if (isNaming) {
    const save = (/** @type {string} */ name) =>
      reportProblems(async () => {
        await (own ? renamePreset(editor, own, name) : keepPreset(editor, name));
        setNaming(false);
      });
    return html`<${NameForm}
      key=${own?.name ?? ""}
      initial=${own?.name ?? ""}
      taken=${own ? editor.presets.value.filter((each) => each !== own) : editor.presets.value.filter((each) => each.built_in)}
      onSave=${save}
      onCancel=${() => setNaming(false)}
    />`;
  }
  if (!own) {
    return html`<button type="button" class="button button-small" onClick=${start}>
      <${Icon} name="check" /> Save as preset
    </button>`;
  }
  return html`<div class="row">
    <button type="button" class="button button-small" onClick=${start}>Rename ${own.name}</button>
    <button type="button" class="button button-small" onClick=${() => removePreset(editor, own.name)}>
      <${Icon} name="trash" /> Delete preset ${own.name}
    </button>
  </div>`;
}

/**
 * @param {{initial: string, taken: Preset[], onSave: (name: string) => void, onCancel: () => void}} props
 *   `taken`: presets whose names cannot be used
 */
function NameForm({ initial, taken, onSave, onCancel }) {
  const check = (/** @type {Event} */ event) => {
    const input = /** @type {HTMLInputElement} */ (event.currentTarget);
    const isTaken = taken.some((each) => each.name === input.value);
    input.setCustomValidity(isTaken ? `There is already a preset ${input.value}.` : "");
  };
  const save = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    onSave(/** @type {HTMLFormElement} */ (event.currentTarget).querySelector("input")?.value ?? "");
  };
  return html`<form class="keeper" onSubmit=${save} onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "Escape" && onCancel()}>
    <label for="preset-name">Name</label>
    <input
      id="preset-name"
      type="text"
      required
      value=${initial}
      pattern="[a-z0-9][a-z0-9_\\-]{0,63}"
      title="Lowercase letters, digits, hyphens and underscores"
      maxlength="64"
      autocomplete="off"
      spellcheck=${false}
      placeholder="my-recipe"
      onInput=${check}
    />
    <button type="submit" class="button button-small">
      <${Icon} name="check" /> Save
    </button>
  </form>`;
}

/** @param {RecipeEditor} editor @param {string} name */
async function keepPreset(editor, name) {
  const saved = await savePreset(name, { pipeline: editor.compacted.value });
  editor.presets.value = [...editor.presets.value.filter((each) => each.name !== saved.name), saved];
  editor.choose(saved.name);
  showNote(`Saved as ${saved.name}`);
  focusSoon(".other-presets");
}

/** Store a preset under another name, then delete it under the old one. @param {RecipeEditor} editor @param {Preset} own @param {string} name */
async function renamePreset(editor, own, name) {
  if (name === own.name) return;
  const { description, pipeline } = own;
  const saved = await savePreset(name, { description, pipeline });
  await deletePreset(own.name);
  editor.presets.value = editor.presets.value.map((each) => (each.name === own.name ? saved : each));
  editor.choose(saved.name);
  showNote(`Renamed to ${saved.name}`);
  focusSoon(".other-presets");
}

/** @param {RecipeEditor} editor @param {string} name */
async function removePreset(editor, name) {
  const text = "Jobs that used it keep their recipe.";
  if (!(await confirmAction({ title: `Delete the preset ${name}?`, text, yes: "Delete" }))) return;
  await reportProblems(async () => {
    await deletePreset(name);
    editor.presets.value = editor.presets.value.filter((each) => each.name !== name);
    editor.choose("web");
    announce(`Preset ${name} deleted`);
    focusSoon('[data-preset="web"]');
  });
}
