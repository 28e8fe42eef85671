/** The recipe form: presets, ordered operations and outputs. */

import { announce } from "../base/announce.js";
import { el, fill, find } from "../base/dom.js";
import { formatLabel } from "../base/format.js";
import { createIcon } from "../base/icons.js";
import { createControl } from "./controls.js";
import { listFields, toPlainText } from "./schema.js";

/** Fields that are always shown. Others are collapsed unless their value differs from the default. */
const ALWAYS_SHOWN = new Set([
  "width", "height", "fit", "unit", "angle", "direction", "top", "right", "bottom", "left", "brightness", "contrast",
  "saturation", "color", "radius", "amount", "text", "tolerance", "name", "format", "quality",
]);

/** @param {import("./recipe.js").RecipeEditor} editor @returns {HTMLElement} */
export function createRecipeForm(editor) {
  const chips = el("div", { class: "chips", role: "group", "aria-label": "Presets" });
  const operations = el("ol", { class: "steps" });
  const outputs = el("ol", { class: "steps" });
  let shape = "";

  const draw = () => {
    const { preset, pipeline } = editor.state.get();
    fill(chips, editor.presets.map((each) => createPresetButton(editor, each, each.name === preset)));
    // Keep the fields while only values change, so that the user does not lose the focus while typing.
    const next = JSON.stringify([preset, pipeline.operations.map((each) => each.op), pipeline.outputs.map((each) => each.format)]);
    if (next === shape || (preset === null && sameSteps(shape, next))) return void (shape = next);
    shape = next;
    fill(operations, pipeline.operations.map((each, index) => createOperation(editor, each, index)));
    fill(outputs, pipeline.outputs.map((each, index) => createOutput(editor, each, index)));
  };
  editor.state.subscribe(draw);
  draw();

  return el("div", { class: "recipe" },
    el("h3", {}, "Preset"), chips,
    el("h3", {}, "Operations"), operations, createAdder(editor),
    el("h3", {}, "Outputs"), outputs,
    el("button", { class: "button button-small", onClick: () => editor.addOutput() }, createIcon("add"), "Add output"));
}

function sameSteps(before, after) {
  if (!before) return false;
  return JSON.stringify(JSON.parse(before).slice(1)) === JSON.stringify(JSON.parse(after).slice(1));
}

function createPresetButton(editor, preset, chosen) {
  const choose = () => {
    editor.choose(preset.name);
    find(`[data-preset="${CSS.escape(preset.name)}"]`)?.focus();
  };
  return el("button", {
    class: "chip", "aria-pressed": String(chosen), title: preset.description, dataset: { preset: preset.name },
    onClick: choose,
  }, preset.name);
}

function createOperation(editor, value, index) {
  const schema = editor.schemas[value.op];
  const last = editor.state.get().pipeline.operations.length - 1;
  const name = formatLabel(value.op);
  const move = (by) => () => {
    editor.moveOperation(index, by);
    announce(`${name} moved to position ${index + by + 1}`);
    const moved = document.querySelectorAll("[data-operation]")[index + by];
    (moved?.querySelector(by < 0 ? "[data-up]:not([disabled])" : "[data-down]:not([disabled])") ?? moved?.querySelector("button"))?.focus();
  };
  const remove = () => {
    editor.removeOperation(index);
    announce(`${name} removed`);
    find("#add-operation")?.focus();
  };
  const buttons = el("span", { class: "step-buttons" },
    createTool("up", `Move ${name} up`, move(-1), { disabled: index === 0, "data-up": true }),
    createTool("down", `Move ${name} down`, move(1), { disabled: index === last, "data-down": true }),
    createTool("close", `Remove ${name}`, remove));
  return el("li", { class: "step", dataset: { operation: value.op } },
    el("div", { class: "step-head" }, el("strong", { title: toPlainText(schema.description ?? "") }, name), buttons),
    createFields(schema, value, `/operations/${index}`, (field, given) => editor.setOperation(index, field, given)));
}

function createOutput(editor, value, index) {
  const many = editor.state.get().pipeline.outputs.length > 1;
  const remove = () => editor.removeOutput(index);
  const takesQuality = editor.formats.find((each) => each.name === (value.format ?? "png"))?.quality;
  const skipped = new Set([...(takesQuality ? [] : ["quality", "max_bytes"]), ...(many ? [] : ["name"])]);
  return el("li", { class: "step" },
    many && el("div", { class: "step-head" }, el("strong", {}, `Output ${index + 1}`),
      el("span", { class: "step-buttons" }, createTool("close", `Remove output ${index + 1}`, remove))),
    createFields(editor.output, value, `/outputs/${index}`, (field, given) => editor.setOutput(index, field, given), skipped));
}

function createFields(schema, value, pointer, set, skipped = new Set()) {
  const all = listFields(schema).filter((each) => !skipped.has(each.name));
  const isAlwaysShown = (field) => ALWAYS_SHOWN.has(field.name) || (value[field.name] ?? null) !== null && isOwn(value[field.name], field.initial);
  const make = (field) => createControl(field, value[field.name], `${pointer}/${field.name}`, (given) => set(field.name, given));
  const [first, rest] = [all.filter(isAlwaysShown), all.filter((each) => !isAlwaysShown(each))];
  return [
    first.length > 0 && el("div", { class: "fields" }, first.map(make)),
    rest.length > 0 && el("details", { class: "more" }, el("summary", {}, "More"), el("div", { class: "fields" }, rest.map(make))),
  ];
}

const isOwn = (given, initial) => JSON.stringify(given) !== JSON.stringify(initial);

function createAdder(editor) {
  const choices = Object.keys(editor.schemas).map((op) => el("option", { value: op }, formatLabel(op)));
  const select = el("select", { id: "add-operation", "aria-label": "Operation to add" }, choices);
  const add = () => {
    const { operations } = editor.state.get().pipeline;
    if (operations.length >= editor.limits.max_operations) return announce(`A recipe can have at most ${editor.limits.max_operations} operations.`);
    editor.addOperation(select.value);
    announce(`${formatLabel(select.value)} added`);
    [...document.querySelectorAll("[data-operation]")].pop()?.querySelector("input, select")?.focus();
  };
  return el("div", { class: "adder" }, select, el("button", { class: "button button-small", onClick: add }, createIcon("add"), "Add"));
}

function createTool(iconName, name, onClick, more = {}) {
  return el("button", { class: "tool", "aria-label": name, title: name, onClick, ...more }, createIcon(iconName));
}
