/** The plan of the recipe for one image: what the API expects of it before anything is sent. */

import { effect, signal } from "../vendor/preact.js";
import { formatLabel, isolate } from "../base/format.js";
import { requestPlan } from "../net/api.js";
import { Problem, formatProblem } from "../net/problem.js";
import { readHead } from "./file-head.js";

const DEBOUNCE_MILLISECONDS = 250;
/** A result that is expected to be this much larger than the original gets a warning. */
const GROWTH = 1.1;
const EXAMPLE = { width: 4000, height: 3000, format: "jpeg" };

/**
 * @typedef {object} PlanState
 * @property {Plan|null} plan
 * @property {string} source name of the planned image
 * @property {Record<string, string>} errors messages of invalid fields, by JSON pointer into the pipeline
 * @property {string} problem why the recipe is invalid, or why there is no plan
 * @property {boolean} invalid true if the API refuses the recipe for every image
 */

/**
 * Plan again after each change of the recipe or of the image.
 * @param {import("./editor.js").RecipeEditor} editor @param {() => File|null} getFile reads signals
 */
export function createPlanner(editor, getFile) {
  /** @type {import("../vendor/preact.js").Signal<PlanState>} */
  const state = signal({
    plan: null,
    source: "",
    errors: {},
    problem: "",
    invalid: false,
  });
  let timer = 0;
  let running = new AbortController();

  /** @param {File|null} file @param {JobSpec} spec */
  const update = async (file, spec) => {
    running.abort();
    running = new AbortController();
    const source = file?.name ?? "";
    const show = (/** @type {Problem} */ problem) => {
      const errors = Object.fromEntries(
        problem.errors.map((each) => [each.pointer.replace(/^\/pipeline/, ""), each.detail]),
      );
      state.value = {
        plan: null,
        source,
        errors,
        problem: formatProblem(problem),
        invalid: problem.status === 422,
      };
    };
    try {
      const plan = await planImage(file, spec, { signal: running.signal, onWait: show });
      const problem = plan.failure ? formatProblem(plan.failure) : "";
      state.value = { plan, source, errors: {}, problem, invalid: false };
    } catch (problem) {
      if (problem instanceof Problem) show(problem); // otherwise, a newer request has replaced this one
    }
  };
  effect(() => {
    const file = getFile();
    const spec = editor.spec();
    clearTimeout(timer);
    timer = window.setTimeout(() => update(file, spec), DEBOUNCE_MILLISECONDS);
  });
  return state;
}

/**
 * Say which values are wrong and why: `Resize, width: …`.
 * @param {EditedPipeline} pipeline @param {Record<string, string>} errors
 */
export function describeErrors(pipeline, errors) {
  const found = Object.entries(errors).map(([pointer, detail]) => {
    const [, list = "", index = "", field = ""] = pointer.split("/");
    const op = list === "operations" ? pipeline.operations[Number(index)]?.op : index && `output ${Number(index) + 1}`;
    return `${[formatLabel(op || list), formatLabel(field).toLowerCase()].filter(Boolean).join(", ")}: ${detail}`;
  });
  return found.length ? `${found.join("; ")}.` : "";
}

/** Return the names of the outputs that will probably be larger than the original. @param {Plan} plan @returns {string[]} */
export function listGrowing({ picture, outputs }) {
  const { size } = picture;
  if (!size) return [];
  return outputs.filter((each) => each.estimated_bytes > size * GROWTH).map((each) => each.name);
}

/**
 * @param {File|null} file @param {JobSpec} spec @param {import("../net/retry.js").RetryOptions} options
 * @returns {Promise<Plan>}
 */
async function planImage(file, spec, options) {
  if (!file) return requestPlan({ ...EXAMPLE, ...spec }, options);
  const isUnread = (/** @type {unknown} */ problem) =>
    problem instanceof Problem && problem.errors.some((each) => each.pointer === "/head");
  try {
    return await requestPlan({ head: await readHead(file), size: file.size, ...spec }, options);
  } catch (problem) {
    // Camera metadata can push the image header beyond the default number of bytes.
    if (!isUnread(problem)) throw problem;
  }
  try {
    return await requestPlan({ head: await readHead(file, { more: true }), size: file.size, ...spec }, options);
  } catch (problem) {
    if (!isUnread(problem)) throw problem;
    throw new Problem({
      code: "UNREADABLE_HEAD",
      title: `${isolate(file.name)} does not start like an image.`,
    });
  }
}
