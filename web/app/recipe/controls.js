/** Form controls for the fields of a schema. */

import { el } from "../base/dom.js";
import { formatLabel } from "../base/format.js";

/** @typedef {import("./schema.js").Field} Field */

/**
 * Create the control of a field, with its label and an element for its error.
 * @param {Field} field @param {any} value @param {string} pointer JSON pointer into the pipeline
 * @param {(value: any) => void} onChange
 */
export function createControl(field, value, pointer, onChange) {
  const id = `field${pointer.replaceAll("/", "-")}`;
  const message = el("span", { class: "complaint", id: `${id}-complaint`, hidden: true });
  const common = { id, "aria-describedby": `${id}-complaint`, title: field.hint || null, dataset: { pointer } };
  const shown = value ?? field.initial;
  const input = MAKERS[field.kind](field, shown, common, onChange);
  const name = el("label", { for: id }, formatLabel(field.name));
  const kind = `field field-${field.kind}`;
  return field.kind === "switch" || field.kind === "tags"
    ? el("div", { class: kind }, input, name, message)
    : el("div", { class: kind }, name, input, message);
}

const MAKERS = {
  choice(field, value, common, onChange) {
    const name = field.name === "format" ? (each) => each.toUpperCase() : formatLabel;
    const options = field.options.map((each) => el("option", { value: each, selected: each === value }, name(each)));
    return el("select", { ...common, onChange: (event) => onChange(event.target.value) }, options);
  },
  switch(_field, value, common, onChange) {
    return el("input", { ...common, type: "checkbox", checked: Boolean(value), onChange: (event) => onChange(event.target.checked) });
  },
  tags(field, value, common, onChange) {
    const [only] = field.options;
    const change = (event) => onChange(event.target.checked ? [only] : []);
    return el("input", { ...common, type: "checkbox", checked: Boolean(value?.includes(only)), onChange: change });
  },
  number(field, value, common, onChange) {
    const read = (event) => onChange(event.target.value === "" ? null : Number(event.target.value));
    return el("input", {
      ...common, type: "number", inputmode: "decimal", value, min: field.min, max: field.max, step: field.step,
      required: !field.optional, placeholder: field.optional ? "auto" : null, onInput: read,
    });
  },
  text(field, value, common, onChange) {
    const read = (event) => onChange(event.target.value === "" && field.optional ? null : event.target.value);
    return el("input", {
      ...common, type: "text", value, maxlength: field.longest, pattern: field.pattern, autocomplete: "off",
      spellcheck: "false", onInput: read,
    });
  },
  color(field, value, common, onChange) {
    const solid = String(value ?? "#ffffff").slice(0, 7);
    const clear = String(value).endsWith("00") && String(value).length === 9;
    const picker = el("input", { ...common, type: "color", value: solid });
    if (!field.alpha) {
      picker.addEventListener("input", () => onChange(picker.value));
      return picker;
    }
    const none = el("input", { type: "checkbox", checked: clear, "aria-label": `${formatLabel(field.name)}: transparent` });
    const report = () => onChange(none.checked ? `${picker.value}00` : picker.value);
    picker.addEventListener("input", () => {
      none.checked = false;
      report();
    });
    none.addEventListener("change", report);
    return el("span", { class: "color" }, picker, el("span", { class: "color-none" }, none, "transparent"));
  },
};

/**
 * Mark the controls whose values the API rejects. Return the errors that belong to no control.
 * @param {ParentNode} form @param {Array<{pointer: string, detail: string}>} errors
 */
export function markErrors(form, errors) {
  for (const marked of form.querySelectorAll("[aria-invalid]")) {
    marked.removeAttribute("aria-invalid");
    const message = document.getElementById(`${marked.id}-complaint`);
    if (message) message.hidden = true;
  }
  return errors.filter(({ pointer, detail }) => {
    const path = pointer.replace(/^\/pipeline/, "");
    const control = [...form.querySelectorAll("[data-pointer]")].find((each) => each.dataset.pointer === path);
    const message = control && document.getElementById(`${control.id}-complaint`);
    if (!control || !message) return true;
    control.setAttribute("aria-invalid", "true");
    message.textContent = detail;
    message.hidden = false;
    return false;
  });
}
