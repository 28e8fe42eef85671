/** The page that lists the caller's batches, newest first. */

import { el, fill } from "../base/dom.js";
import { formatAge, formatCount } from "../base/format.js";
import { createHeading } from "../base/router.js";
import { createBatchBar } from "../jobs/batch-bar.js";
import { createErrorBox } from "../jobs/facts.js";
import { listBatches } from "../net/api.js";

export const batchesPage = { title: "Batches", show: draw };

function draw(view) {
  const list = el("ul", { class: "batches" });
  const foot = el("div", { class: "row row-centre" });
  const load = async (cursor) => {
    try {
      const page = await listBatches({ limit: "20", cursor });
      list.append(...page.batches.map(createRow));
      fill(foot, page.next_cursor
        ? el("button", { class: "button", onClick: () => load(page.next_cursor) }, "Show more")
        : !list.children.length && el("p", { class: "empty" }, "No batches yet. Images that you add together can become a batch."));
    } catch (problem) {
      fill(foot, problem.status === 404 ? el("p", { class: "empty" }, "This Safelight does not support batches.") : createErrorBox(problem));
    }
  };
  fill(view, createHeading("Batches"), list, foot);
  load("");
}

function createRow(batch) {
  return el("li", { class: "panel" },
    el("div", { class: "job-head" },
      el("h2", { class: "name" }, el("a", { href: `#/batches/${batch.id}` }, batch.name || batch.id)),
      el("span", { class: "faint" }, `${formatCount(batch.total, "image")}, `, el("time", { datetime: batch.created_at }, formatAge(batch.created_at)))),
    createBatchBar(batch));
}
