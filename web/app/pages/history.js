/** All jobs of the caller, newest first. */

import { el, fill } from "../base/dom.js";
import { title } from "../base/router.js";
import { complaint } from "../jobs/facts.js";
import { STATUSES, statusName } from "../jobs/status.js";
import { tile } from "../jobs/tile.js";
import { jobs } from "../net/api.js";

const PAGE = "24";
const DAY = 86_400_000;
const SINCE = { "": "any time", 1: "the last day", 7: "the last week", 30: "the last month" };

export const historyPage = { title: "History", show: draw };

function draw(view) {
  let shown = new AbortController();
  const status = el("select", { id: "filter-status" }, el("option", { value: "" }, "Every state"),
    STATUSES.map((each) => el("option", { value: each }, statusName(each))));
  const since = el("select", { id: "filter-since" }, Object.entries(SINCE).map(([days, name]) => el("option", { value: days, selected: days === "" }, name)));
  const search = el("input", { id: "filter-name", type: "search", placeholder: "part of a name", autocomplete: "off", spellcheck: "false" });
  const list = el("ul", { class: "prints" });
  const foot = el("div", { class: "row row-centre", "aria-live": "polite" });

  const load = async (cursor) => {
    const mine = shown.signal;
    fill(foot, el("p", { class: "faint" }, "Loading …"));
    const from = since.value ? new Date(Date.now() - Number(since.value) * DAY).toISOString() : "";
    try {
      const page = await jobs({ status: status.value, since: from, limit: PAGE, cursor });
      if (mine.aborted) return;
      list.append(...page.jobs.map((job) => tile(job, { signal: mine })));
      sift();
      fill(foot, page.next_cursor
        ? el("button", { type: "button", class: "button", onClick: () => load(page.next_cursor) }, "Show more")
        : !list.children.length && el("p", { class: "empty" }, "Nothing here yet. What you develop is kept here until its time is up."));
    } catch (problem) {
      if (!mine.aborted) fill(foot, complaint(problem), el("button", { type: "button", class: "button", onClick: () => load(cursor) }, "Try again"));
    }
  };
  /** The API has no search by name; what is shown can be sifted. */
  const sift = () => {
    const part = search.value.trim().toLowerCase();
    for (const each of list.children) each.hidden = part !== "" && !each.dataset.name.toLowerCase().includes(part);
  };
  const again = () => {
    shown.abort();
    shown = new AbortController();
    fill(list);
    load("");
  };
  status.addEventListener("change", again);
  since.addEventListener("change", again);
  search.addEventListener("input", sift);

  fill(view, title("History"),
    el("div", { class: "filters", role: "search" },
      labelled("State", status), labelled("From", since), labelled("Name", search)),
    list, foot);
  load("");
  return () => shown.abort();
}

function labelled(name, control) {
  return el("div", { class: "field" }, el("label", { for: control.id }, name), control);
}
