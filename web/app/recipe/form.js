/** The form that edits the recipe: operations and outputs. Its fields come from the schemas of the API. */

import { html, useState } from "../vendor/preact.js";
import { announce } from "../base/announce.js";
import { focusSoon } from "../base/dom.js";
import { formatBytes, formatLabel } from "../base/format.js";
import { Icon } from "../base/icons.js";
import { useModule } from "../base/module.js";
import { Control } from "./controls.js";
import { isDefault, listFields, toPlainText } from "./schema.js";

/**
 * @typedef {import("./editor.js").RecipeEditor} RecipeEditor
 * @typedef {Record<string, string>} Errors error messages by JSON pointer
 */

/** Fields that are always shown. Others are collapsed unless their value differs from the default. */
const ALWAYS_SHOWN = new Set([
  "width", "height", "fit", "unit", "angle", "direction", "top", "right", "bottom", "left", "brightness", "contrast",
  "saturation", "color", "radius", "amount", "text", "tolerance", "name", "format", "quality", "gravity",
]); // prettier-ignore
/** Operations that can be edited on the stage. */
const ON_STAGE = new Set(["crop", "watermark"]);

/** @param {{editor: RecipeEditor, errors: Errors, plan: Plan|null}} props */
export function RecipeForm({ editor, errors, plan }) {
  const { operations, outputs } = editor.state.value.pipeline;
  return html`<section class="recipe-part">
      <h3>Operations</h3>
      ${operations.length === 0 && html`<p class="faint">None. The image keeps its size.</p>`}
      <ol class="steps">
        ${operations.map(
          (value, index) =>
            html`<${OperationStep}
              key=${`${index}-${value.op}`}
              editor=${editor}
              value=${value}
              index=${index}
              errors=${errors}
            />`,
        )}
      </ol>
      <${OperationAdder} editor=${editor} />
    </section>
    <section class="recipe-part">
      <h3>Outputs</h3>
      <ol class="steps">
        ${outputs.map(
          (value, index) =>
            html`<${OutputStep}
              key=${index}
              editor=${editor}
              value=${value}
              index=${index}
              errors=${errors}
              planned=${plan?.outputs.find((each) => each.name === (value.name ?? "image"))}
            />`,
        )}
      </ol>
      ${
        outputs.length < editor.limits.max_outputs &&
        html`<button
          type="button"
          class="button button-small"
          onClick=${() => editor.addOutput()}
        >
          <${Icon} name="add" /> Add output
        </button>`
      }
    </section>`;
}

/** @param {{editor: RecipeEditor, value: Record<string, any>, index: number, errors: Errors}} props */
function OperationStep({ editor, value, index, errors }) {
  const schema = editor.schemas[value.op];
  const last = editor.state.value.pipeline.operations.length - 1;
  const name = formatLabel(value.op);
  const move = (/** @type {number} */ by) => () => {
    editor.moveOperation(index, by);
    announce(`${name} moved to position ${index + by + 1}`);
    focusSoon(
      `[data-position="${index + by}"] [data-move="${by}"]:not(:disabled), [data-position="${index + by}"] button:not(:disabled)`,
    );
  };
  const remove = () => {
    editor.removeOperation(index);
    announce(`${name} removed`);
    focusSoon("#add-operation");
  };
  const tools = useModule(() => import("../edit/step-tools.js"), ON_STAGE.has(value.op));
  return html`<li
    class="step"
    data-operation=${value.op}
    data-position=${index}
  >
    <div class="step-head">
      <strong title=${toPlainText(schema.description ?? "")}>${name}</strong>
      <span class="step-buttons">
        <${Tool}
          icon="up"
          name=${`Move ${name} up`}
          move=${-1}
          disabled=${index === 0}
          onClick=${move(-1)}
        />
        <${Tool}
          icon="down"
          name=${`Move ${name} down`}
          move=${1}
          disabled=${index === last}
          onClick=${move(1)}
        />
        <${Tool} icon="close" name=${`Remove ${name}`} onClick=${remove} />
      </span>
    </div>
    ${errors[`/operations/${index}`] && html`<p class="complaint">${errors[`/operations/${index}`]}</p>`}
    ${tools && html`<${tools.StepTools} editor=${editor} index=${index} value=${value} />`}
    <${Fields}
      schema=${schema}
      value=${showOperation(value)}
      pointer=${`/operations/${index}`}
      errors=${errors}
      skipped=${value.image ? ["image", "text", "color", "font"] : ["image"]}
      onChange=${(/** @type {Record<string, any>} */ values) => editor.setOperation(index, values)}
    />
  </li>`;
}

/** Return the values for the fields. A crop with coordinates has no gravity. @param {Record<string, any>} value */
function showOperation(value) {
  return value.op === "crop" && (value.x ?? null) !== null ? { ...value, gravity: "" } : value;
}

/** @param {{editor: RecipeEditor, value: Record<string, any>, index: number, errors: Errors, planned?: Plan["outputs"][number]}} props */
function OutputStep({ editor, value, index, errors, planned }) {
  const hasMany = editor.state.value.pipeline.outputs.length > 1;
  const hasQuality = editor.formats.find((each) => each.name === (value.format ?? "png"))?.quality;
  const skipped = [...(hasQuality ? [] : ["quality", "max_bytes"]), ...(hasMany ? [] : ["name"])];
  const remove = () => {
    editor.removeOutput(index);
    focusSoon("#field-outputs-0-format");
  };
  return html`<li class="step">
    ${
      hasMany &&
      html`<div class="step-head">
        <strong>Output ${index + 1}</strong>
        ${planned && html`<span class="step-size">about ${formatBytes(planned.estimated_bytes)}</span>`}
        <span class="step-buttons"
          ><${Tool}
            icon="close"
            name=${`Remove output ${index + 1}`}
            onClick=${remove}
        /></span>
      </div>`
    }
    <${Fields}
      schema=${editor.output}
      value=${value}
      pointer=${`/outputs/${index}`}
      errors=${errors}
      skipped=${skipped}
      onChange=${(/** @type {Record<string, any>} */ values) => editor.setOutput(index, values)}
    />
  </li>`;
}

/**
 * @param {{schema: any, value: Record<string, any>, pointer: string, errors: Errors, skipped?: string[],
 *   onChange: (values: Record<string, any>) => void}} props
 */
function Fields({ schema, value, pointer, errors, skipped = [], onChange }) {
  const all = listFields(schema).filter((each) => !skipped.includes(each.name));
  const isShown = (/** @type {import("./schema.js").Field} */ field) =>
    (ALWAYS_SHOWN.has(field.name) && !isUnused(field.name, value)) ||
    errors[`${pointer}/${field.name}`] ||
    !isDefault(value[field.name], field.initial);
  const control = (/** @type {import("./schema.js").Field} */ field) =>
    html`<${Control}
      key=${field.name}
      field=${field}
      value=${value[field.name]}
      pointer=${`${pointer}/${field.name}`}
      error=${errors[`${pointer}/${field.name}`]}
      onChange=${(/** @type {any} */ given) => onChange({ [field.name]: given })}
    />`;
  const shown = all.filter(isShown);
  const hidden = all.filter((each) => !isShown(each));
  return html`${shown.length > 0 && html`<div class="fields">${shown.map(control)}</div>`}
  ${
    hidden.length > 0 &&
    html`<details class="more">
      <summary>More</summary>
      <div class="fields">${hidden.map(control)}</div>
    </details>`
  }`;
}

/** Return true if a value has no effect: a resize that keeps the whole image has no position. @param {string} name @param {Record<string, any>} value */
function isUnused(name, value) {
  return name === "gravity" && value.op === "resize" && !["cover", "contain"].includes(value.fit);
}

/** @param {{editor: RecipeEditor}} props */
function OperationAdder({ editor }) {
  const ops = Object.keys(editor.schemas);
  const [op, setOp] = useState(ops[0] ?? "");
  const add = () => {
    const { operations } = editor.state.value.pipeline;
    if (operations.length >= editor.limits.max_operations) {
      return announce(`A recipe can have at most ${editor.limits.max_operations} operations.`);
    }
    editor.addOperation(op);
    announce(`${formatLabel(op)} added`);
    focusSoon(`[data-position="${operations.length}"] :is(input, select)`);
  };
  const choose = (/** @type {Event} */ event) => setOp(/** @type {HTMLSelectElement} */ (event.currentTarget).value);
  return html`<div class="adder">
    <select
      id="add-operation"
      aria-label="Operation to add"
      value=${op}
      onChange=${choose}
    >
      ${ops.map((each) => html`<option key=${each} value=${each}>${formatLabel(each)}</option>`)}
    </select>
    <button type="button" class="button button-small" onClick=${add}>
      <${Icon} name="add" /> Add
    </button>
  </div>`;
}

/** @param {{icon: import("../base/icons.js").IconName, name: string, move?: number, disabled?: boolean, onClick: () => void}} props */
function Tool({ icon, name, move, disabled = false, onClick }) {
  return html`<button
    type="button"
    class="tool"
    aria-label=${name}
    title=${name}
    data-move=${move}
    disabled=${disabled}
    onClick=${onClick}
  >
    <${Icon} name=${icon} />
  </button>`;
}
