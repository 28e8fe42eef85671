/** The operators' page of dead letters, which can be redriven. */

import { announce, showNote } from "../base/announce.js";
import { el, fill } from "../base/dom.js";
import { formatAge, formatBytes, formatCount } from "../base/format.js";
import { createIcon } from "../base/icons.js";
import { createHeading } from "../base/router.js";
import { createErrorBox } from "../jobs/facts.js";
import { listDeadLetters, redrive } from "../net/api.js";
import { formatProblem } from "../net/problem.js";

export const deadLettersPage = { title: "Dead letters", show: draw };

function draw(view) {
  const table = el("tbody", {});
  const force = el("input", { type: "checkbox", id: "force" });
  const foot = el("div", { class: "row row-centre" });
  const redriveAll = el("button", { class: "button", onClick: () => send({ all: true }) }, createIcon("retry"), "Redrive all");

  const load = async (cursor) => {
    try {
      const page = await listDeadLetters({ limit: "50", cursor });
      if (!cursor) fill(table);
      table.append(...page.dead_letters.map((each) => createRow(each, send)));
      redriveAll.disabled = !table.querySelector("button");
      fill(foot, page.next_cursor
        ? el("button", { class: "button", onClick: () => load(page.next_cursor) }, "Show more")
        : !table.children.length && el("p", { class: "empty" }, "No dead letters."));
    } catch (problem) {
      fill(foot, createErrorBox(problem));
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
      const text = `${formatCount(count, "job")} redriven${refused ? `, ${refused} refused: redriven too often` : ""}.`;
      showNote(text, refused ? "bad" : "good");
      announce(text);
    } catch (problem) {
      showNote(formatProblem(problem), "bad");
    }
    await load("");
  };

  fill(view, createHeading("Dead letters"),
    el("p", { class: "lead" }, "Jobs that used up their attempts although the image was not at fault, and unreadable messages. Fix the cause, then redrive the jobs."),
    el("div", { class: "filters" }, redriveAll, el("span", { class: "field field-switch" }, force, el("label", { for: "force" }, "include jobs redriven too often"))),
    el("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Dead letters" },
      el("table", {}, el("thead", {}, el("tr", {}, ["Job or message", "Reason", "Since", "Attempts", "Redriven", "Action"].map((each) => el("th", { scope: "col" }, each)))), table)),
    foot);
  load("");
}

function createRow(letter, send) {
  const isJob = letter.kind === "job";
  return el("tr", { dataset: { id: letter.id } },
    el("td", {}, isJob ? el("code", {}, letter.id) : [`Message, ${formatBytes(letter.size)} `, el("code", {}, letter.key)]),
    el("td", {}, el("code", {}, letter.reason)),
    el("td", {}, el("time", { datetime: letter.since }, formatAge(letter.since))),
    el("td", {}, letter.attempts ?? "–"),
    el("td", {}, letter.redrives ?? "–"),
    el("td", {}, isJob && el("button", { class: "button button-small", "aria-label": `Redrive ${letter.id}`, onClick: () => send({ id: letter.id }) }, "Redrive")));
}
