/** The recipe: a preset or a custom pipeline, stored for the tab. */

import { createObservable } from "../base/observable.js";
import { compact } from "./schema.js";

/** @typedef {{operations: any[], outputs: any[]}} Pipeline */
/** @typedef {{preset: string|null, pipeline: Pipeline}} Recipe `preset` is null once the pipeline differs from it */

const KEY = "safelight-recipe";
/** Initial values of new operations whose schema requires some. */
const INITIAL_VALUES = {
  resize: { width: 1024, height: 1024 },
  crop: { unit: "relative", width: 0.8, height: 0.8 },
  rotate: { angle: 90 },
  round_corners: { unit: "relative", radius: 0.08 },
  watermark: { text: "© Safelight" },
};

/**
 * @param {any} capabilities @param {Array<{name: string, pipeline: Pipeline}>} presets
 */
export function createRecipeEditor(capabilities, presets) {
  const schemas = Object.fromEntries(capabilities.operations.map((each) => [each.op, each.parameters]));
  const output = capabilities.outputs.parameters;
  const state = createObservable(readStored(presets, schemas) ?? createFromPreset(presets[0]));
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
    choose: (name) => state.set(createFromPreset(presets.find((each) => each.name === name) ?? presets[0])),
    addOperation: (op) => change((pipeline) => pipeline.operations.push({ op, ...INITIAL_VALUES[op] })),
    removeOperation: (index) => change((pipeline) => pipeline.operations.splice(index, 1)),
    moveOperation: (index, by) =>
      change(({ operations }) => operations.splice(index + by, 0, ...operations.splice(index, 1))),
    setOperation: (index, name, value) => change((pipeline) => (pipeline.operations[index][name] = value)),
    addOutput: () => change(({ outputs }) => outputs.push({ name: findFreeName(outputs), format: "webp" })),
    removeOutput: (index) => change((pipeline) => pipeline.outputs.splice(index, 1)),
    setOutput: (index, name, value) => change((pipeline) => setOutput(pipeline.outputs[index], name, value, capabilities)),
    /** Return the pipeline without default values. @returns {Pipeline} */
    compact() {
      const { operations, outputs, ...rest } = state.get().pipeline;
      return {
        ...rest,
        operations: operations.map((each) => compact(each, schemas[each.op])),
        outputs: outputs.map((each) => ({ format: each.format ?? "png", ...compact(each, output) })),
      };
    },
    /** Return the job spec that is sent with an image. @returns {{preset: string}|{pipeline: Pipeline}} */
    spec() {
      const { preset } = state.get();
      return preset ? { preset } : { pipeline: this.compact() };
    },
  };
}

/** @typedef {ReturnType<typeof createRecipeEditor>} RecipeEditor */

function createFromPreset(preset) {
  return { preset: preset.name, pipeline: structuredClone(preset.pipeline) };
}

/** Set a value. Remove the quality for formats without one, which the API would reject. */
function setOutput(output, name, value, capabilities) {
  output[name] = value;
  const format = capabilities.outputs.formats.find((each) => each.name === output.format);
  if (name !== "format" || format?.quality) return;
  output.quality = null;
  output.max_bytes = null;
}

function findFreeName(outputs) {
  const taken = new Set(outputs.map((each) => each.name));
  let number = outputs.length + 1;
  while (taken.has(`image-${number}`)) number += 1;
  return `image-${number}`;
}

function readStored(presets, schemas) {
  try {
    const recipe = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    if (recipe?.preset) {
      const preset = presets.find((each) => each.name === recipe.preset);
      return preset ? createFromPreset(preset) : null;
    }
    const known = recipe?.pipeline?.operations.every((each) => each.op in schemas);
    return known && recipe.pipeline.outputs.length ? recipe : null;
  } catch {
    return null;
  }
}
