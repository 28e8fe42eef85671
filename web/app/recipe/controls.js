/** One control for each field of a schema. */

import { el } from "../base/dom.js";
import { label } from "../base/format.js";

/** @typedef {import("./schema.js").Field} Field */

/**
 * Make the control of a field, with its label and its place for a complaint.
 * @param {Field} field @param {any} value @param {string} pointer JSON pointer into the pipeline
 * @param {(value: any) => void} onChange
 */
export function control(field, value, pointer, onChange) {
  const id = `field${pointer.replaceAll("/", "-")}`;
  const complaint = el("span", { class: "complaint", id: `${id}-complaint`, hidden: true });
  const common = { id, "aria-describedby": `${id}-complaint`, title: field.hint || null, dataset: { pointer } };
  const shown = value ?? field.initial;
  const input = MAKERS[field.kind](field, shown, common, onChange);
  const name = el("label", { for: id }, label(field.name));
  const kind = `field field-${field.kind}`;
  return field.kind === "switch" || field.kind === "tags"
    ? el("div", { class: kind }, input, name, complaint)
    : el("div", { class: kind }, name, input, complaint);
}

const MAKERS = {
  choice(field, value, common, onChange) {
    const name = field.name === "format" ? (each) => each.toUpperCase() : label;
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
  colour(field, value, common, onChange) {
    const solid = String(value ?? "#ffffff").slice(0, 7);
    const clear = String(value).endsWith("00") && String(value).length === 9;
    const picker = el("input", { ...common, type: "color", value: solid });
    if (!field.alpha) {
      picker.addEventListener("input", () => onChange(picker.value));
      return picker;
    }
    const none = el("input", { type: "checkbox", checked: clear, "aria-label": `${label(field.name)}: transparent` });
    const tell = () => onChange(none.checked ? `${picker.value}00` : picker.value);
    picker.addEventListener("input", () => {
      none.checked = false;
      tell();
    });
    none.addEventListener("change", tell);
    return el("span", { class: "colour" }, picker, el("span", { class: "colour-none" }, none, "transparent"));
  },
};

/**
 * Mark the controls that the API complains of; return the complaints that belong to none.
 * @param {ParentNode} form @param {Array<{pointer: string, detail: string}>} errors
 */
export function complain(form, errors) {
  for (const marked of form.querySelectorAll("[aria-invalid]")) {
    marked.removeAttribute("aria-invalid");
    const place = document.getElementById(`${marked.id}-complaint`);
    if (place) place.hidden = true;
  }
  return errors.filter(({ pointer, detail }) => {
    const path = pointer.replace(/^\/pipeline/, "");
    const control = [...form.querySelectorAll("[data-pointer]")].find((each) => each.dataset.pointer === path);
    const place = control && document.getElementById(`${control.id}-complaint`);
    if (!control || !place) return true;
    control.setAttribute("aria-invalid", "true");
    place.textContent = detail;
    place.hidden = false;
    return false;
  });
}
