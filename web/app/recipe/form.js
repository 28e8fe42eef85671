/** The recipe as a form: a preset to begin with, operations in their order, outputs. */

import { announce } from "../base/announce.js";
import { el, fill, find } from "../base/dom.js";
import { label } from "../base/format.js";
import { icon } from "../base/icons.js";
import { control } from "./controls.js";
import { fieldsOf, plain } from "./schema.js";

/** Fields that are always shown; the others are folded away until they have a value of their own. */
const FIRST = new Set([
  "width", "height", "fit", "unit", "angle", "direction", "top", "right", "bottom", "left", "brightness", "contrast",
  "saturation", "color", "radius", "amount", "text", "tolerance", "name", "format", "quality",
]);

/** @param {import("./recipe.js").Bench} bench @returns {HTMLElement} */
export function recipeForm(bench) {
  const chips = el("div", { class: "chips", role: "group", "aria-label": "Presets" });
  const operations = el("ol", { class: "steps" });
  const outputs = el("ol", { class: "steps" });
  let shape = "";

  const draw = () => {
    const { preset, pipeline } = bench.state.get();
    fill(chips, bench.presets.map((each) => chip(bench, each, each.name === preset)));
    // While only values change the fields stay: whoever types keeps the place.
    const next = JSON.stringify([preset, pipeline.operations.map((each) => each.op), pipeline.outputs.map((each) => each.format)]);
    if (next === shape || (preset === null && sameSteps(shape, next))) return void (shape = next);
    shape = next;
    fill(operations, pipeline.operations.map((each, index) => operation(bench, each, index)));
    fill(outputs, pipeline.outputs.map((each, index) => output(bench, each, index)));
  };
  bench.state.subscribe(draw);
  draw();

  return el("div", { class: "recipe" },
    el("h3", {}, "Begin with"), chips,
    el("h3", {}, "Operations"), operations, adder(bench),
    el("h3", {}, "Results"), outputs,
    el("button", { type: "button", class: "button button-small", onClick: () => bench.addOutput() }, icon("add"), "Another result"));
}

function sameSteps(before, after) {
  if (!before) return false;
  return JSON.stringify(JSON.parse(before).slice(1)) === JSON.stringify(JSON.parse(after).slice(1));
}

function chip(bench, preset, chosen) {
  const choose = () => {
    bench.choose(preset.name);
    find(`[data-preset="${CSS.escape(preset.name)}"]`)?.focus();
  };
  return el("button", {
    type: "button", class: "chip", "aria-pressed": String(chosen), title: preset.description, dataset: { preset: preset.name },
    onClick: choose,
  }, preset.name);
}

function operation(bench, value, index) {
  const schema = bench.schemas[value.op];
  const last = bench.state.get().pipeline.operations.length - 1;
  const name = label(value.op);
  const move = (by) => () => {
    bench.moveOperation(index, by);
    announce(`${name} is now number ${index + by + 1}`);
    const moved = document.querySelectorAll("[data-operation]")[index + by];
    (moved?.querySelector(by < 0 ? "[data-up]:not([disabled])" : "[data-down]:not([disabled])") ?? moved?.querySelector("button"))?.focus();
  };
  const remove = () => {
    bench.removeOperation(index);
    announce(`${name} removed`);
    find("#add-operation")?.focus();
  };
  const buttons = el("span", { class: "step-buttons" },
    tool("up", `Move ${name} up`, move(-1), { disabled: index === 0, "data-up": true }),
    tool("down", `Move ${name} down`, move(1), { disabled: index === last, "data-down": true }),
    tool("close", `Remove ${name}`, remove));
  return el("li", { class: "step", dataset: { operation: value.op } },
    el("div", { class: "step-head" }, el("strong", { title: plain(schema.description ?? "") }, name), buttons),
    fields(schema, value, `/operations/${index}`, (field, given) => bench.setOperation(index, field, given)));
}

function output(bench, value, index) {
  const many = bench.state.get().pipeline.outputs.length > 1;
  const remove = () => bench.removeOutput(index);
  const takesQuality = bench.formats.find((each) => each.name === (value.format ?? "png"))?.quality;
  const skipped = new Set([...(takesQuality ? [] : ["quality", "max_bytes"]), ...(many ? [] : ["name"])]);
  return el("li", { class: "step" },
    many && el("div", { class: "step-head" }, el("strong", {}, `Result ${index + 1}`),
      el("span", { class: "step-buttons" }, tool("close", `Remove result ${index + 1}`, remove))),
    fields(bench.output, value, `/outputs/${index}`, (field, given) => bench.setOutput(index, field, given), skipped));
}

function fields(schema, value, pointer, set, skipped = new Set()) {
  const all = fieldsOf(schema).filter((each) => !skipped.has(each.name));
  const isFirst = (field) => FIRST.has(field.name) || (value[field.name] ?? null) !== null && isOwn(value[field.name], field.initial);
  const make = (field) => control(field, value[field.name], `${pointer}/${field.name}`, (given) => set(field.name, given));
  const [first, rest] = [all.filter(isFirst), all.filter((each) => !isFirst(each))];
  return [
    first.length > 0 && el("div", { class: "fields" }, first.map(make)),
    rest.length > 0 && el("details", { class: "more" }, el("summary", {}, "More"), el("div", { class: "fields" }, rest.map(make))),
  ];
}

const isOwn = (given, initial) => JSON.stringify(given) !== JSON.stringify(initial);

function adder(bench) {
  const choices = Object.keys(bench.schemas).map((op) => el("option", { value: op }, label(op)));
  const select = el("select", { id: "add-operation", "aria-label": "Operation to add" }, choices);
  const add = () => {
    const { operations } = bench.state.get().pipeline;
    if (operations.length >= bench.limits.max_operations) return announce(`A recipe has at most ${bench.limits.max_operations} operations.`);
    bench.addOperation(select.value);
    announce(`${label(select.value)} added`);
    [...document.querySelectorAll("[data-operation]")].pop()?.querySelector("input, select")?.focus();
  };
  return el("div", { class: "adder" }, select, el("button", { type: "button", class: "button button-small", onClick: add }, icon("add"), "Add"));
}

function tool(drawing, name, onClick, more = {}) {
  return el("button", { type: "button", class: "tool", "aria-label": name, title: name, onClick, ...more }, icon(drawing));
}
