/** The recipe that is being edited: a preset, or a pipeline of its own. Each change can be undone. */

import { computed, signal } from "../vendor/preact.js";
import { decodeRecipe } from "./link.js";
import { compact, isSamePipeline } from "./schema.js";

/** @typedef {{preset: string|null, pipeline: EditedPipeline}} Recipe `preset` is null once the pipeline differs from it */

const KEY = "safelight-recipe";
const FIRST_PRESET = "web";
const MAX_UNDO = 50;
/** Initial values of new operations whose schema requires some. @type {Record<string, any>} */
const INITIAL_VALUES = {
  resize: { width: 1600, height: 1600 },
  crop: { unit: "relative", width: 0.8, height: 0.8 },
  rotate: { angle: 90 },
  round_corners: { unit: "relative", radius: 0.08 },
  watermark: { text: "© Safelight" },
};

/** @typedef {{status: "none"|"loading"|"ready"|"failed", size: {width: number, height: number}|null}} Subject `size` is upright */

/** @param {Capabilities} capabilities @param {Preset[]} available @param {string} [link] a recipe from the address */
export function createRecipeEditor(capabilities, available, link = "") {
  /** @type {Record<string, any>} */
  const schemas = Object.fromEntries(capabilities.operations.map((each) => [each.op, each.parameters]));
  const output = /** @type {any} */ (capabilities.outputs.parameters);
  const presets = signal(available);
  /** @type {import("../vendor/preact.js").Signal<Recipe>} */
  const state = signal(toKnown(decodeRecipe(link)) ?? toKnown(readStored()) ?? fromPreset(FIRST_PRESET));
  /** @type {import("../vendor/preact.js").Signal<Recipe[]>} */
  const undoable = signal([]);
  /** The position of the operation that is edited on the stage, or -1. */
  const tool = signal(-1);
  /** The selected image, for operations whose values are pixels. @type {import("../vendor/preact.js").Signal<Subject>} */
  const subject = signal({ status: "none", size: null });
  state.subscribe((recipe) => sessionStorage.setItem(KEY, JSON.stringify(recipe)));

  /** @param {string} name @returns {Recipe} */
  function fromPreset(name) {
    const preset = presets.value.find((each) => each.name === name) ?? /** @type {Preset} */ (presets.value[0]);
    return {
      preset: preset.name,
      pipeline: /** @type {EditedPipeline} */ (structuredClone(preset.pipeline)),
    };
  }

  /** Return a stored recipe if this Safelight can still run it. @param {any} recipe @returns {Recipe|null} */
  function toKnown(recipe) {
    if (recipe?.preset)
      return presets.value.some((each) => each.name === recipe.preset) ? fromPreset(recipe.preset) : null;
    const { operations, outputs } = recipe?.pipeline ?? {};
    const isKnown = Array.isArray(operations) && operations.every((each) => each?.op in schemas) && outputs?.length > 0;
    return isKnown ? { preset: null, pipeline: { ...recipe.pipeline } } : null;
  }

  /** Names the value that is being changed, such as by a slider. Its changes are one step to undo. */
  let changing = "";
  /** @param {Recipe} next @param {string} [what] */
  const set = (next, what = "") => {
    const { operations } = next.pipeline;
    if (operations[tool.value]?.op !== state.value.pipeline.operations[tool.value]?.op) tool.value = -1;
    if (!what || what !== changing) undoable.value = [...undoable.value, state.value].slice(-MAX_UNDO);
    changing = what;
    state.value = next;
  };
  /** @param {(pipeline: EditedPipeline) => void} edit @param {string} [what] */
  const change = (edit, what = "") => {
    const pipeline = structuredClone(state.value.pipeline);
    edit(pipeline);
    set({ preset: null, pipeline }, what);
  };
  /** The pipeline without default values. */
  const compacted = computed(() => {
    const { operations, outputs, ...rest } = state.value.pipeline;
    return {
      ...rest,
      operations: operations.map((each) => compact(each, schemas[each.op])),
      outputs: outputs.map((each) => ({
        format: each.format ?? "png",
        ...compact(each, output),
      })),
    };
  });

  return {
    state,
    schemas,
    output,
    presets,
    undoable,
    tool,
    subject,
    compacted,
    limits: capabilities.limits,
    formats: capabilities.outputs.formats,
    /** @param {string} name */
    choose: (name) => set(fromPreset(name)),
    undo() {
      const last = undoable.value[undoable.value.length - 1];
      if (!last) return;
      undoable.value = undoable.value.slice(0, -1);
      if (last.pipeline.operations[tool.value]?.op !== state.value.pipeline.operations[tool.value]?.op) tool.value = -1;
      state.value = last;
    },
    /** Edit the recipe of a finished job. @param {Job} job */
    load(job) {
      const known = toKnown({ preset: job.preset?.name }) ?? toKnown({ pipeline: structuredClone(job.pipeline) });
      if (known) set(known);
      return known !== null;
    },
    /** @param {string} op */
    addOperation: (op) => change(({ operations }) => operations.push({ op, ...INITIAL_VALUES[op] })),
    /** Crop the image on the stage: with the crop of the recipe, or with a new one before the other operations. */
    startCrop() {
      const known = state.value.pipeline.operations.findIndex((each) => each.op === "crop");
      if (known < 0) change(({ operations }) => operations.unshift({ op: "crop", ...INITIAL_VALUES.crop }));
      tool.value = Math.max(0, known);
    },
    /** Return true if a job has used this recipe. @param {Job} job */
    matches({ preset: used, pipeline: done }) {
      const { preset, pipeline } = state.value;
      return preset ? used?.name === preset : isSamePipeline(done, pipeline);
    },
    /** @param {number} index */
    removeOperation: (index) => change(({ operations }) => operations.splice(index, 1)),
    /** @param {number} index @param {number} by */
    moveOperation: (index, by) =>
      change(({ operations }) => operations.splice(index + by, 0, ...operations.splice(index, 1))),
    /** @param {number} index @param {Record<string, any>} values */
    setOperation: (index, values) =>
      change(
        ({ operations }) => {
          const changed = operations[index] ?? {};
          Object.assign(changed, values, changed.op === "crop" ? placeCrop(changed, values) : {});
        },
        `operation ${index} ${Object.keys(values)}`,
      ),
    /** End the changes of one value, so that the next change is another step to undo. */
    endChange: () => void (changing = ""),
    addOutput: () => change(({ outputs }) => outputs.push({ name: findFreeName(outputs), format: "webp" })),
    /** @param {number} index */
    removeOutput: (index) => change(({ outputs }) => outputs.splice(index, 1)),
    /** @param {number} index @param {Record<string, any>} values */
    setOutput: (index, values) =>
      change(
        ({ outputs }) => {
          const changed = outputs[index] ?? {};
          Object.assign(changed, values);
          const format = capabilities.outputs.formats.find((each) => each.name === changed.format);
          // The API rejects a quality for a format without one.
          if (!format?.quality) Object.assign(changed, { quality: null, max_bytes: null });
        },
        `output ${index} ${Object.keys(values)}`,
      ),
    /** Return the job spec that is sent with an image. @returns {JobSpec} */
    spec() {
      const { preset } = state.value;
      return preset ? { preset } : { pipeline: compacted.value };
    },
  };
}

/** @typedef {ReturnType<typeof createRecipeEditor>} RecipeEditor */

/** Return what else changes with the place of a crop, which has both coordinates or a gravity. @param {Record<string, any>} crop @param {Record<string, any>} values */
function placeCrop(crop, values) {
  if (values.gravity && values.x === undefined) return { x: null, y: null };
  const { x, y } = { ...crop, ...values };
  if ((x ?? null) === null && (y ?? null) === null) return {};
  return { x: x ?? 0, y: y ?? 0, gravity: "center" };
}

/** @param {Array<Record<string, any>>} outputs */
function findFreeName(outputs) {
  const taken = new Set(outputs.map((each) => each.name));
  let number = outputs.length + 1;
  while (taken.has(`image-${number}`)) number += 1;
  return `image-${number}`;
}

function readStored() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  } catch {
    return null;
  }
}
