/** What is to be done with the pictures: a preset, or a pipeline of one's own. */

import { observable } from "../base/observable.js";
import { compact } from "./schema.js";

/** @typedef {{operations: any[], outputs: any[]}} Pipeline */
/** @typedef {{preset: string|null, pipeline: Pipeline}} Recipe `preset` while the pipeline is as the preset has it */

const KEY = "safelight-recipe";
/** What a new operation begins with, where its schema demands something. */
const BEGINNINGS = {
  resize: { width: 1024, height: 1024 },
  crop: { unit: "relative", width: 0.8, height: 0.8 },
  rotate: { angle: 90 },
  round_corners: { unit: "relative", radius: 0.08 },
  watermark: { text: "© Safelight" },
};

/**
 * @param {any} capabilities @param {Array<{name: string, pipeline: Pipeline}>} presets
 */
export function makeRecipe(capabilities, presets) {
  const schemas = Object.fromEntries(capabilities.operations.map((each) => [each.op, each.parameters]));
  const output = capabilities.outputs.parameters;
  const state = observable(kept(presets, schemas) ?? fromPreset(presets[0]));
  state.subscribe((recipe) => sessionStorage.setItem(KEY, JSON.stringify(recipe)));

  /** @param {(pipeline: Pipeline) => void} edit */
  const change = (edit) => {
    const pipeline = structuredClone(state.get().pipeline);
    edit(pipeline);
    state.set({ preset: null, pipeline });
  };

  return {
    state,
    schemas,
    output,
    presets,
    limits: capabilities.limits,
    formats: capabilities.outputs.formats,
    choose: (name) => state.set(fromPreset(presets.find((each) => each.name === name) ?? presets[0])),
    addOperation: (op) => change((pipeline) => pipeline.operations.push({ op, ...BEGINNINGS[op] })),
    removeOperation: (index) => change((pipeline) => pipeline.operations.splice(index, 1)),
    moveOperation: (index, by) =>
      change(({ operations }) => operations.splice(index + by, 0, ...operations.splice(index, 1))),
    setOperation: (index, name, value) => change((pipeline) => (pipeline.operations[index][name] = value)),
    addOutput: () => change(({ outputs }) => outputs.push({ name: freeName(outputs), format: "webp" })),
    removeOutput: (index) => change((pipeline) => pipeline.outputs.splice(index, 1)),
    setOutput: (index, name, value) => change((pipeline) => setOutput(pipeline.outputs[index], name, value, capabilities)),
    /** The pipeline without what has its default. @returns {Pipeline} */
    compact() {
      const { operations, outputs } = state.get().pipeline;
      return {
        operations: operations.map((each) => compact(each, schemas[each.op])),
        outputs: outputs.map((each) => ({ format: each.format ?? "png", ...compact(each, output) })),
      };
    },
    /** What goes along with a picture. @returns {{preset: string}|{pipeline: Pipeline}} */
    wanted() {
      const { preset } = state.get();
      return preset ? { preset } : { pipeline: this.compact() };
    },
  };
}

/** @typedef {ReturnType<typeof makeRecipe>} Bench */

function fromPreset(preset) {
  return { preset: preset.name, pipeline: structuredClone(preset.pipeline) };
}

/** A format without quality takes none, so that choosing one is no mistake. */
function setOutput(output, name, value, capabilities) {
  output[name] = value;
  const format = capabilities.outputs.formats.find((each) => each.name === output.format);
  if (name !== "format" || format?.quality) return;
  output.quality = null;
  output.max_bytes = null;
}

function freeName(outputs) {
  const taken = new Set(outputs.map((each) => each.name));
  let number = outputs.length + 1;
  while (taken.has(`image-${number}`)) number += 1;
  return `image-${number}`;
}

function kept(presets, schemas) {
  try {
    const recipe = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    if (recipe?.preset) {
      const preset = presets.find((each) => each.name === recipe.preset);
      return preset ? fromPreset(preset) : null;
    }
    const known = recipe?.pipeline?.operations.every((each) => each.op in schemas);
    return known && recipe.pipeline.outputs.length ? recipe : null;
  } catch {
    return null;
  }
}
