/** One batch: how far it is, its pictures, and what can be done with all of them. */

import { announce, note } from "../base/announce.js";
import { ask } from "../base/ask.js";
import { el, fill } from "../base/dom.js";
import { counted, moment } from "../base/format.js";
import { icon } from "../base/icons.js";
import { title } from "../base/router.js";
import { batchBar } from "../jobs/batch-bar.js";
import { complaint } from "../jobs/facts.js";
import { STATUSES, statusName } from "../jobs/status.js";
import { tile } from "../jobs/tile.js";
import { batch as read, batchItems, cancelBatch, retryFailed } from "../net/api.js";
import { sentence } from "../net/problem.js";
import { pauseWatching } from "../net/waiting.js";

const PAGE = "24";
const SECONDS = [1, 1, 2, 3, 5, 8, 10];

export const batchPage = { title: "Batch", show: draw };

function draw(view, id) {
  const ended = new AbortController();
  let listed = new AbortController();
  const head = el("div", { class: "stack" });
  const name = title("Batch");
  const list = el("ul", { class: "prints" });
  const foot = el("div", { class: "row row-centre" });
  const status = el("select", { id: "filter-status" }, el("option", { value: "" }, "Every state"),
    STATUSES.map((each) => el("option", { value: each }, statusName(each))));

  const load = async (cursor) => {
    const mine = listed.signal;
    try {
      const page = await batchItems(id, { status: status.value, limit: PAGE, links: "true", cursor });
      if (mine.aborted) return;
      list.append(...page.items.map((job) => tile(job, { signal: mine })));
      fill(foot, page.next_cursor && el("button", { type: "button", class: "button", onClick: () => load(page.next_cursor) }, "Show more"));
    } catch (problem) {
      if (!mine.aborted) fill(foot, complaint(problem));
    }
  };
  const again = () => {
    listed.abort();
    listed = new AbortController();
    fill(list);
    load("");
  };
  status.addEventListener("change", again);

  const show = (found) => {
    name.textContent = found.name || "Batch";
    fill(head, batchBar(found), el("p", { class: "faint" }, rate(found)), el("div", { class: "row" }, buttons(found, restart)));
  };
  const restart = () => {
    follow();
    again();
  };
  const follow = async () => {
    try {
      for (let look = 0; !ended.signal.aborted; look += 1) {
        const found = await read(id);
        if (ended.signal.aborted) return;
        show(found);
        if (found.done || look > 600) return;
        await pauseWatching(SECONDS[Math.min(look, SECONDS.length - 1)] * 1000, ended.signal);
      }
    } catch (problem) {
      if (!ended.signal.aborted) fill(head, complaint(problem));
    }
  };

  fill(view, name, el("section", { class: "panel" }, head),
    el("div", { class: "filters" }, el("div", { class: "field" }, el("label", { for: "filter-status" }, "State"), status)), list, foot);
  restart();
  return () => {
    ended.abort();
    listed.abort();
  };
}

function rate(batch) {
  const begun = `Begun ${moment(batch.created_at)}`;
  if (batch.finished_at) return `${begun}, done ${moment(batch.finished_at)}.`;
  return batch.rate ? `${begun}. ${batch.rate.toFixed(1)} pictures a second.` : `${begun}.`;
}

function buttons(batch, restart) {
  const { counts } = batch;
  return [
    counts.failed > 0 && el("button", { type: "button", class: "button", onClick: () => all(() => retryFailed(batch.id), "tried again", restart) },
      icon("retry"), `Retry ${counted(counts.failed, "failed picture")}`),
    !batch.done && el("button", { type: "button", class: "button", onClick: () => stop(batch, restart) }, icon("close"), "Cancel the rest"),
  ];
}

async function stop(batch, restart) {
  const sure = await ask({ title: "Cancel the rest?", text: "What is developed already stays.", yes: "Cancel the rest" });
  if (sure) await all(() => cancelBatch(batch.id), "cancelled", restart);
}

/** The API does some in each call and says how many are left. */
async function all(call, done, restart) {
  try {
    let left = Infinity;
    for (let answer = await call(); answer.remaining > 0 && answer.remaining < left; answer = await call()) left = answer.remaining;
    announce(`The pictures are ${done}`);
  } catch (problem) {
    note(sentence(problem), "bad");
  }
  restart();
}
