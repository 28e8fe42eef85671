/** The page of one batch: progress, images and actions on all of them. */

import { announce, showNote } from "../base/announce.js";
import { confirmAction } from "../base/confirmation.js";
import { el, fill } from "../base/dom.js";
import { formatCount, formatTime } from "../base/format.js";
import { createIcon } from "../base/icons.js";
import { createHeading } from "../base/router.js";
import { createBatchBar } from "../jobs/batch-bar.js";
import { createErrorBox } from "../jobs/facts.js";
import { STATUSES, getStatusName } from "../jobs/status.js";
import { createTile } from "../jobs/tile.js";
import { getBatch, listBatchItems, cancelBatch, retryFailed } from "../net/api.js";
import { formatProblem } from "../net/problem.js";
import { pauseBetweenPolls } from "../net/pause.js";

const PAGE = "24";
const SECONDS = [1, 1, 2, 3, 5, 8, 10];

export const batchPage = { title: "Batch", show: draw };

function draw(view, id) {
  const closed = new AbortController();
  let listing = new AbortController();
  const head = el("div", { class: "stack" });
  const name = createHeading("Batch");
  const list = el("ul", { class: "prints" });
  const foot = el("div", { class: "row row-centre" });
  const status = el("select", { id: "filter-status" }, el("option", { value: "" }, "All statuses"),
    STATUSES.map((each) => el("option", { value: each }, getStatusName(each))));

  const load = async (cursor) => {
    const signal = listing.signal;
    try {
      const page = await listBatchItems(id, { status: status.value, limit: PAGE, links: "true", cursor });
      if (signal.aborted) return;
      list.append(...page.items.map((job) => createTile(job, { signal })));
      fill(foot, page.next_cursor && el("button", { class: "button", onClick: () => load(page.next_cursor) }, "Show more"));
    } catch (problem) {
      if (!signal.aborted) fill(foot, createErrorBox(problem));
    }
  };
  const reload = () => {
    listing.abort();
    listing = new AbortController();
    fill(list);
    load("");
  };
  status.addEventListener("change", reload);

  const show = (batch) => {
    name.textContent = batch.name || "Batch";
    fill(head, createBatchBar(batch), el("p", { class: "faint" }, formatRate(batch)), el("div", { class: "row" }, createButtons(batch, restart)));
  };
  const restart = () => {
    follow();
    reload();
  };
  const follow = async () => {
    try {
      for (let polls = 0; !closed.signal.aborted; polls += 1) {
        const batch = await getBatch(id);
        if (closed.signal.aborted) return;
        show(batch);
        if (batch.done || polls > 600) return;
        await pauseBetweenPolls(SECONDS[Math.min(polls, SECONDS.length - 1)] * 1000, closed.signal);
      }
    } catch (problem) {
      if (!closed.signal.aborted) fill(head, createErrorBox(problem));
    }
  };

  fill(view, name, el("section", { class: "panel" }, head),
    el("div", { class: "filters" }, el("div", { class: "field" }, el("label", { for: "filter-status" }, "Status"), status)), list, foot);
  restart();
  return () => {
    closed.abort();
    listing.abort();
  };
}

function formatRate(batch) {
  const started = `Started ${formatTime(batch.created_at)}`;
  if (batch.finished_at) return `${started}, finished ${formatTime(batch.finished_at)}.`;
  return batch.rate ? `${started}. ${batch.rate.toFixed(1)} images per second.` : `${started}.`;
}

function createButtons(batch, restart) {
  const { counts } = batch;
  return [
    counts.failed > 0 && el("button", { class: "button", onClick: () => repeatCall(() => retryFailed(batch.id), "being retried", restart) },
      createIcon("retry"), `Retry ${formatCount(counts.failed, "failed image")}`),
    !batch.done && el("button", { class: "button", onClick: () => stop(batch, restart) }, createIcon("close"), "Cancel remaining"),
  ];
}

async function stop(batch, restart) {
  const confirmed = await confirmAction({ title: "Cancel the remaining images?", text: "Images that are already processed are kept.", yes: "Cancel remaining" });
  if (confirmed) await repeatCall(() => cancelBatch(batch.id), "canceled", restart);
}

/** Repeat a call until no job remains: the API handles a limited number per call. */
async function repeatCall(call, done, restart) {
  try {
    let left = Infinity;
    for (let result = await call(); result.remaining > 0 && result.remaining < left; result = await call()) left = result.remaining;
    announce(`The images are ${done}`);
  } catch (problem) {
    showNote(formatProblem(problem), "bad");
  }
  restart();
}
