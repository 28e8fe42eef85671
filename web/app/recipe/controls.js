/** One control per field of a schema, with its label and its error. */

import { html, useLayoutEffect, useRef } from "../vendor/preact.js";
import { formatLabel } from "../base/format.js";

/**
 * @typedef {import("./schema.js").Field} Field
 * @typedef {{field: Field, value: any, common: Record<string, any>, onChange: (value: any) => void}} ControlProps
 */

/** A number gets a slider too if its range has at most this many units. */
const MAX_SLIDER_RANGE = 720;
const SLIDER_STEPS = 100;
/** Where a slider starts when its value is no longer automatic, as a share of its range. */
const MANUAL_START = 0.8;
/** Plain words for values of the API. @type {Record<string, string>} */
const OTHER_NAMES = { entropy: "Most detail" };
const GRAVITIES = ["top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom", "bottom-right"];

/**
 * @param {{field: Field, value: any, pointer: string, error?: string, onChange: (value: any) => void}} props
 *   `pointer` is the JSON pointer into the pipeline
 */
export function Control({ field, value, pointer, error, onChange }) {
  const id = `field${pointer.replaceAll("/", "-")}`;
  const isGrid = field.options.includes("top-left");
  const Input = isGrid ? GravityInput : INPUTS[field.kind];
  const common = {
    id,
    "aria-describedby": error ? `${id}-error` : undefined,
    "aria-invalid": error ? "true" : undefined,
    title: field.hint || undefined,
  };
  const name = html`<label for=${id}>${formatLabel(field.name)}</label>`;
  const input = html`<${Input}
    field=${field}
    value=${value ?? field.initial}
    common=${common}
    onChange=${onChange}
  />`;
  const isCheckbox = field.kind === "switch" || field.kind === "tags";
  return html`<div
    class=${`field field-${isGrid ? "grid" : field.kind}${hasSlider(field) ? " field-wide" : ""}`}
  >
    ${isCheckbox ? [input, name] : [name, input]}
    ${error && html`<span class="complaint" id=${`${id}-error`}>${error}</span>`}
  </div>`;
}

/** @param {Field} field */
function hasSlider({ kind, min, max }) {
  return kind === "number" && min !== undefined && max !== undefined && max - min <= MAX_SLIDER_RANGE;
}

/** @param {Event} event */
const readText = (event) => /** @type {HTMLInputElement} */ (event.currentTarget).value;
/** @param {Event} event */
const readChecked = (event) => /** @type {HTMLInputElement} */ (event.currentTarget).checked;

/** @param {ControlProps} props */
function ChoiceInput({ field, value, common, onChange }) {
  const name = (/** @type {string} */ each) => (field.name === "format" ? each.toUpperCase() : formatLabel(each));
  return html`<select
    ...${common}
    value=${value}
    onChange=${(/** @type {Event} */ event) => onChange(readText(event))}
  >
    ${field.options.map((each) => html`<option key=${each} value=${each} selected=${each === value}>${name(each)}</option>`)}
  </select>`;
}

/** Where in a box something is: nine buttons, which arrow keys move between. @param {ControlProps} props */
function GravityInput({ field, value, common, onChange }) {
  const others = field.options.filter((each) => !GRAVITIES.includes(each));
  const option = (/** @type {string} */ each) =>
    html`<input
      key=${each}
      type="radio"
      id=${each === value ? common.id : undefined}
      name=${`${common.id}-choice`}
      value=${each}
      checked=${each === value}
      aria-label=${nameValue(each)}
      title=${nameValue(each)}
      onChange=${() => onChange(each)}
    />`;
  return html`<div class="gravity">
    <div
      class="gravity-grid"
      role="radiogroup"
      aria-label=${formatLabel(field.name)}
    >
      ${GRAVITIES.map(option)}
    </div>
    ${others.map((each) => html`<label key=${each}>${option(each)} ${nameValue(each)}</label>`)}
  </div>`;
}

/** @param {string} value */
function nameValue(value) {
  return OTHER_NAMES[value] ?? formatLabel(value.replace("-", " "));
}

/** @param {ControlProps} props */
function SwitchInput({ value, common, onChange }) {
  return html`<input
    ...${common}
    type="checkbox"
    checked=${Boolean(value)}
    onChange=${(/** @type {Event} */ event) => onChange(readChecked(event))}
  />`;
}

/** @param {ControlProps} props */
function TagsInput({ field, value, common, onChange }) {
  const [only = ""] = field.options;
  return html`<input
    ...${common}
    type="checkbox"
    checked=${Boolean(value?.includes(only))}
    onChange=${(/** @type {Event} */ event) => onChange(readChecked(event) ? [only] : [])}
  />`;
}

/** @param {ControlProps} props */
function NumberInput({ field, value, common, onChange }) {
  const input = useRef(/** @type {HTMLInputElement|null} */ (null));
  // Keep what the user types, such as `1.0`, as long as it has the same value.
  useLayoutEffect(() => {
    const shown = input.current;
    if (!shown) return;
    const isSame = shown.value === "" ? (value ?? null) === null : Number(shown.value) === value;
    if (!isSame && !(shown.validity.badInput && document.activeElement === shown)) shown.value = value ?? "";
  });
  const { min = 0, max = 0, step } = field;
  const isAuto = field.optional && (value ?? null) === null;
  const last = useRef(Math.round(min + (max - min) * MANUAL_START));
  if (!isAuto) last.current = value;
  const read = (/** @type {Event} */ event) => onChange(readText(event) === "" ? null : Number(readText(event)));
  const slider =
    hasSlider(field) &&
    html`<input
      type="range"
      aria-label=${`${formatLabel(field.name)}, slider`}
      min=${min}
      max=${max}
      step=${step === 1 ? 1 : (max - min) / SLIDER_STEPS}
      value=${isAuto ? last.current : value}
      disabled=${isAuto}
      onInput=${read}
    />`;
  const number = html`<input
    ...${common}
    ref=${input}
    type="number"
    inputmode="decimal"
    min=${field.min}
    max=${field.max}
    step=${step}
    required=${!field.optional}
    placeholder=${field.optional ? "auto" : undefined}
    onInput=${read}
  />`;
  const auto =
    field.optional &&
    html`<label class="slider-auto">
      <input
        type="checkbox"
        checked=${isAuto}
        aria-label=${`${formatLabel(field.name)}: automatic`}
        onChange=${(/** @type {Event} */ event) => onChange(readChecked(event) ? null : last.current)}
      />
      auto
    </label>`;
  return slider ? html`<div class="slider-number">${slider}${number}${auto}</div>` : number;
}

/** @param {ControlProps} props */
function TextInput({ field, value, common, onChange }) {
  return html`<input
    ...${common}
    type="text"
    value=${value ?? ""}
    maxlength=${field.longest}
    pattern=${field.pattern}
    autocomplete="off"
    spellcheck=${false}
    onInput=${(/** @type {Event} */ event) => onChange(readText(event) === "" && field.optional ? null : readText(event))}
  />`;
}

/** @param {ControlProps} props */
function ColorInput({ field, value, common, onChange }) {
  const solid = String(value ?? "#ffffff").slice(0, 7);
  const isClear = String(value).length === 9 && String(value).endsWith("00");
  return html`<span class="color">
    <input
      ...${common}
      type="color"
      value=${solid}
      onInput=${(/** @type {Event} */ event) => onChange(readText(event))}
    />
    ${
      field.alpha &&
      html`<label class="color-none">
        <input
          type="checkbox"
          checked=${isClear}
          aria-label=${`${formatLabel(field.name)}: transparent`}
          onChange=${(/** @type {Event} */ event) => onChange(readChecked(event) ? `${solid}00` : solid)}
        />
        transparent
      </label>`
    }
  </span>`;
}

/** @type {Record<Field["kind"], (props: ControlProps) => any>} */
const INPUTS = {
  choice: ChoiceInput,
  switch: SwitchInput,
  tags: TagsInput,
  number: NumberInput,
  text: TextInput,
  color: ColorInput,
};
