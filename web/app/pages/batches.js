/** The caller's batches, newest first. */

import { el, fill } from "../base/dom.js";
import { ago, counted } from "../base/format.js";
import { title } from "../base/router.js";
import { batchBar } from "../jobs/batch-bar.js";
import { complaint } from "../jobs/facts.js";
import { batches } from "../net/api.js";

export const batchesPage = { title: "Batches", show: draw };

function draw(view) {
  const list = el("ul", { class: "batches" });
  const foot = el("div", { class: "row row-centre" });
  const load = async (cursor) => {
    try {
      const page = await batches({ limit: "20", cursor });
      list.append(...page.batches.map(row));
      fill(foot, page.next_cursor
        ? el("button", { type: "button", class: "button", onClick: () => load(page.next_cursor) }, "Show more")
        : !list.children.length && el("p", { class: "empty" }, "No batches yet. Pictures that you add together can become one."));
    } catch (problem) {
      fill(foot, problem.status === 404 ? el("p", { class: "empty" }, "This Safelight knows no batches.") : complaint(problem));
    }
  };
  fill(view, title("Batches"), list, foot);
  load("");
}

function row(batch) {
  return el("li", { class: "panel" },
    el("div", { class: "job-head" },
      el("h2", { class: "name" }, el("a", { href: `#/batches/${batch.id}` }, batch.name || batch.id)),
      el("span", { class: "faint" }, `${counted(batch.total, "picture")}, `, el("time", { datetime: batch.created_at }, ago(batch.created_at)))),
    batchBar(batch));
}
