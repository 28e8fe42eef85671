/** For operators: what failed though it may work now, and sending it on its way again. */

import { announce, note } from "../base/announce.js";
import { el, fill } from "../base/dom.js";
import { ago, bytes, counted } from "../base/format.js";
import { icon } from "../base/icons.js";
import { title } from "../base/router.js";
import { complaint } from "../jobs/facts.js";
import { deadLetters, redrive } from "../net/api.js";
import { sentence } from "../net/problem.js";

export const deadLettersPage = { title: "Dead letters", show: draw };

function draw(view) {
  const table = el("tbody", {});
  const force = el("input", { type: "checkbox", id: "force" });
  const foot = el("div", { class: "row row-centre" });
  const everything = el("button", { type: "button", class: "button", onClick: () => send({ all: true }) }, icon("retry"), "Redrive all");

  const load = async (cursor) => {
    try {
      const page = await deadLetters({ limit: "50", cursor });
      if (!cursor) fill(table);
      table.append(...page.dead_letters.map((each) => row(each, send)));
      everything.disabled = !table.querySelector("button");
      fill(foot, page.next_cursor
        ? el("button", { type: "button", class: "button", onClick: () => load(page.next_cursor) }, "Show more")
        : !table.children.length && el("p", { class: "empty" }, "Nothing is stuck."));
    } catch (problem) {
      fill(foot, complaint(problem));
    }
  };
  const send = async (which) => {
    try {
      let count = 0;
      let refused = 0;
      let cursor = null;
      do {
        const done = await redrive({ ...which, force: force.checked, ...(cursor ? { cursor } : {}) });
        count += done.redriven;
        refused += done.refused;
        cursor = done.next_cursor;
      } while (cursor);
      const text = `${counted(count, "job")} on the way again${refused ? `, ${refused} refused: they came back too often` : ""}.`;
      note(text, refused ? "bad" : "good");
      announce(text);
    } catch (problem) {
      note(sentence(problem), "bad");
    }
    await load("");
  };

  fill(view, title("Dead letters"),
    el("p", { class: "lead" }, "Jobs that used up their attempts though nothing was wrong with the picture, and messages that nobody could read. Mend the cause, then send them on."),
    el("div", { class: "filters" }, everything, el("span", { class: "field field-switch" }, force, el("label", { for: "force" }, "also those that came back often"))),
    el("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Dead letters" },
      el("table", {}, el("thead", {}, el("tr", {}, ["What", "Reason", "Since", "Attempts", "Redriven", "Do"].map((each) => el("th", { scope: "col" }, each)))), table)),
    foot);
  load("");
}

function row(letter, send) {
  const isJob = letter.kind === "job";
  return el("tr", { dataset: { id: letter.id } },
    el("td", {}, isJob ? el("code", {}, letter.id) : [`Message of ${bytes(letter.size)} `, el("code", {}, letter.key)]),
    el("td", {}, el("code", {}, letter.reason)),
    el("td", {}, el("time", { datetime: letter.since }, ago(letter.since))),
    el("td", {}, letter.attempts ?? "–"),
    el("td", {}, letter.redrives ?? "–"),
    el("td", {}, isJob && el("button", { type: "button", class: "button button-small", "aria-label": `Redrive ${letter.id}`, onClick: () => send({ id: letter.id }) }, "Redrive")));
}
