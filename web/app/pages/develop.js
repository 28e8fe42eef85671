/** The start page: pictures come in, a recipe is chosen, results come up. */

import { note } from "../base/announce.js";
import { el, fill } from "../base/dom.js";
import { counted } from "../base/format.js";
import { icon } from "../base/icons.js";
import { title } from "../base/router.js";
import { keepPreset } from "../net/api.js";
import { sentence } from "../net/problem.js";
import { recipeForm } from "../recipe/form.js";
import { planPanel } from "../recipe/plan.js";
import { snippets } from "../recipe/snippets.js";
import { sendBatch } from "../tray/batching.js";
import { card } from "../tray/card.js";
import { develop, follow } from "../tray/developing.js";
import { gate } from "../tray/gate.js";
import { dropZone, focusIntake } from "../tray/intake.js";

const AT_ONCE = 3;
/** From so many on, pictures that come together are one batch unless said otherwise. */
const BATCH_FROM = 12;
const MOST_CARDS = 60;

/**
 * @param {{config: any, capabilities: any, bench: import("../recipe/recipe.js").Bench, tray: import("../tray/tray.js").Tray}} desk
 */
export function developPage(desk) {
  const through = gate(AT_ONCE);
  return { title: "Develop", show: (view) => draw(view, desk, through) };
}

function draw(view, desk, through) {
  const { bench, tray, capabilities, config } = desk;
  const formats = capabilities.inputs.map((each) => each.format).join(", ");
  const add = (files) => {
    tray.add(files);
    view.querySelector("#go")?.scrollIntoView({ block: "nearest" });
  };
  const form = recipeForm(bench);
  const firstStaged = () => tray.staged()[0]?.file ?? null;
  const plan = planPanel(bench, firstStaged, form);
  const cards = new Map();
  const list = el("ul", { class: "prints" });
  const more = el("p", { class: "faint" });
  const bar = el("div", { class: "tray-bar" });
  const together = el("input", { type: "checkbox", id: "together" });
  together.addEventListener("change", () => (together.dataset.chosen = ""));
  let planned = firstStaged();

  const start = (item) => develop(tray, item, bench.wanted(), bench.limits, through);
  const startAll = async () => {
    const staged = tray.staged();
    if (together.checked && staged.length > 1) return sendBatch(tray, staged, bench);
    for (const item of staged) start(item);
  };
  const clear = () => {
    for (const item of tray.items.get().filter((each) => each.phase === "done" || each.phase === "lost")) tray.remove(item);
    focusIntake();
  };

  const update = () => {
    const items = tray.items.get();
    for (const [item, made] of cards) if (!items.includes(item)) dismiss(item, made);
    for (const item of items.slice(0, MOST_CARDS)) {
      if (!cards.has(item)) cards.set(item, place(item));
      cards.get(item).update();
    }
    more.textContent = items.length > MOST_CARDS ? `and ${counted(items.length - MOST_CARDS, "more picture")}` : "";
    view.dataset.filled = String(items.length > 0);
    drawBar(bar, tray, together, startAll, clear);
    if (planned !== firstStaged()) {
      planned = firstStaged();
      plan.refresh();
    }
  };
  const place = (item) => {
    const made = card(item, {
      onRemove: () => {
        tray.remove(item);
        focusIntake();
      },
      onAgain: () => start(item),
      onJob: (job) => follow(tray, item, job),
    });
    list.append(made.element);
    return made;
  };
  const dismiss = (item, made) => {
    made.element.remove();
    cards.delete(item);
  };

  fill(view, title("Develop"),
    el("div", { class: "desk" },
      el("div", { class: "desk-tray" }, dropZone(add, formats), bar, list, more),
      el("aside", { class: "desk-recipe panel", "aria-label": "Recipe" },
        el("h2", {}, "Recipe"),
        form,
        el("h3", {}, "What comes out"),
        plan.element,
        keeper(bench),
        snippets(bench, config.auth))));
  const stop = tray.items.subscribe(update);
  update();
  return stop;
}

function drawBar(bar, tray, together, startAll, clear) {
  const staged = tray.staged().length;
  const ended = tray.items.get().some((each) => each.phase === "done" || each.phase === "lost");
  const shown = `${staged} ${ended}`;
  if (bar.dataset.shown === shown) return;
  bar.dataset.shown = shown;
  if (!("chosen" in together.dataset)) together.checked = staged >= BATCH_FROM;
  fill(bar,
    staged > 0 && el("button", { type: "button", class: "button button-primary button-large", id: "go", onClick: startAll },
      `Develop ${counted(staged, "picture")}`),
    staged > 1 && el("span", { class: "field field-switch" }, together, el("label", { for: "together" }, "as one batch")),
    ended && el("button", { type: "button", class: "button button-small", onClick: clear }, "Clear the tray"));
}

/** A recipe of one's own can be kept under a name. */
function keeper(bench) {
  const name = el("input", {
    id: "preset-name", type: "text", required: true, pattern: "[a-z0-9][a-z0-9_\\-]{0,63}", maxlength: 64, autocomplete: "off",
    spellcheck: "false", placeholder: "my-recipe",
  });
  const save = async (event) => {
    event.preventDefault();
    try {
      const kept = await keepPreset(name.value, bench.compact());
      const others = bench.presets.filter((each) => each.name !== kept.name);
      bench.presets.splice(0, bench.presets.length, ...others, kept);
      bench.choose(kept.name);
      note(`Kept as ${kept.name}`);
    } catch (problem) {
      note(sentence(problem), "bad");
    }
  };
  const form = el("form", { class: "keeper", onSubmit: save },
    el("label", { for: "preset-name" }, "Keep it as"), name,
    el("button", { type: "submit", class: "button button-small" }, icon("check"), "Keep"));
  const show = (recipe) => (form.hidden = recipe.preset !== null);
  bench.state.subscribe(show);
  show(bench.state.get());
  return form;
}
