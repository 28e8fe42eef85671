/** The start page: add images, edit the recipe, follow the results. */

import { showNote } from "../base/announce.js";
import { el, fill } from "../base/dom.js";
import { formatCount } from "../base/format.js";
import { createIcon } from "../base/icons.js";
import { createHeading } from "../base/router.js";
import { savePreset } from "../net/api.js";
import { formatProblem } from "../net/problem.js";
import { createRecipeForm } from "../recipe/form.js";
import { createPlanPanel } from "../recipe/plan.js";
import { createSnippets } from "../recipe/snippets.js";
import { sendBatch } from "../uploads/batch.js";
import { createCard } from "../uploads/card.js";
import { submit, followJob } from "../uploads/submission.js";
import { createLimiter } from "../uploads/limiter.js";
import { createDropZone, focusFileInput } from "../uploads/file-input.js";

const MAX_CONCURRENT_UPLOADS = 3;
/** From this number of images on, sending them as one batch is preselected. */
const BATCH_THRESHOLD = 12;
const MAX_CARDS = 60;

/**
 * @param {{config: any, capabilities: any, editor: import("../recipe/recipe.js").RecipeEditor, queue: import("../uploads/queue.js").Queue}} context
 */
export function createStartPage(context) {
  const limit = createLimiter(MAX_CONCURRENT_UPLOADS);
  return { title: "Process", show: (view) => draw(view, context, limit) };
}

function draw(view, context, limit) {
  const { editor, queue, capabilities, config } = context;
  const formats = capabilities.inputs.map((each) => each.format).join(", ");
  const add = (files) => {
    queue.add(files);
    view.querySelector("#go")?.scrollIntoView({ block: "nearest" });
  };
  const form = createRecipeForm(editor);
  const firstStaged = () => queue.listStaged()[0]?.file ?? null;
  const plan = createPlanPanel(editor, firstStaged, form);
  const cards = new Map();
  const list = el("ul", { class: "prints" });
  const more = el("p", { class: "faint" });
  const bar = el("div", { class: "tray-bar" });
  const together = el("input", { type: "checkbox", id: "together" });
  together.addEventListener("change", () => (together.dataset.chosen = ""));
  let planned = firstStaged();

  const start = (item) => submit(queue, item, editor.spec(), editor.limits, limit);
  const startAll = async () => {
    const staged = queue.listStaged();
    if (together.checked && staged.length > 1) return sendBatch(queue, staged, editor);
    for (const item of staged) start(item);
  };
  const clear = () => {
    for (const item of queue.items.get().filter((each) => each.phase === "done" || each.phase === "lost")) queue.remove(item);
    focusFileInput();
  };

  const update = () => {
    const items = queue.items.get();
    for (const [item, created] of cards) if (!items.includes(item)) removeCard(item, created);
    for (const item of items.slice(0, MAX_CARDS)) {
      if (!cards.has(item)) cards.set(item, addCard(item));
      cards.get(item).update();
    }
    more.textContent = items.length > MAX_CARDS ? `and ${formatCount(items.length - MAX_CARDS, "more image")}` : "";
    view.dataset.filled = String(items.length > 0);
    drawBar(bar, queue, together, startAll, clear);
    if (planned !== firstStaged()) {
      planned = firstStaged();
      plan.refresh();
    }
  };
  const addCard = (item) => {
    const created = createCard(item, {
      onRemove: () => {
        queue.remove(item);
        focusFileInput();
      },
      onRetry: () => start(item),
      onJob: (job) => followJob(queue, item, job),
    });
    list.append(created.element);
    return created;
  };
  const removeCard = (item, created) => {
    created.element.remove();
    cards.delete(item);
  };

  fill(view, createHeading("Process"),
    el("div", { class: "desk" },
      el("div", { class: "desk-tray" }, createDropZone(add, formats), bar, list, more),
      el("aside", { class: "desk-recipe panel", "aria-label": "Recipe" },
        el("h2", {}, "Recipe"),
        form,
        el("h3", {}, "Preview"),
        plan.element,
        createPresetForm(editor),
        createSnippets(editor, config.auth))));
  const stop = queue.items.subscribe(update);
  update();
  return stop;
}

function drawBar(bar, queue, together, startAll, clear) {
  const staged = queue.listStaged().length;
  const finished = queue.items.get().some((each) => each.phase === "done" || each.phase === "lost");
  const shown = `${staged} ${finished}`;
  if (bar.dataset.shown === shown) return;
  bar.dataset.shown = shown;
  if (!("chosen" in together.dataset)) together.checked = staged >= BATCH_THRESHOLD;
  fill(bar,
    staged > 0 && el("button", { class: "button button-primary button-large", id: "go", onClick: startAll },
      `Process ${formatCount(staged, "image")}`),
    staged > 1 && el("span", { class: "field field-switch" }, together, el("label", { for: "together" }, "as one batch")),
    finished && el("button", { class: "button button-small", onClick: clear }, "Clear finished"));
}

/** Create the form that saves a custom recipe as a preset. */
function createPresetForm(editor) {
  const name = el("input", {
    id: "preset-name", type: "text", required: true, pattern: "[a-z0-9][a-z0-9_\\-]{0,63}", maxlength: 64, autocomplete: "off",
    spellcheck: "false", placeholder: "my-recipe",
  });
  const save = async (event) => {
    event.preventDefault();
    try {
      const saved = await savePreset(name.value, editor.compact());
      const others = editor.presets.filter((each) => each.name !== saved.name);
      editor.presets.splice(0, editor.presets.length, ...others, saved);
      editor.choose(saved.name);
      showNote(`Saved as ${saved.name}`);
    } catch (problem) {
      showNote(formatProblem(problem), "bad");
    }
  };
  const form = el("form", { class: "keeper", onSubmit: save },
    el("label", { for: "preset-name" }, "Save as preset"), name,
    el("button", { type: "submit", class: "button button-small" }, createIcon("check"), "Save"));
  const show = (recipe) => (form.hidden = recipe.preset !== null);
  editor.state.subscribe(show);
  show(editor.state.get());
  return form;
}
