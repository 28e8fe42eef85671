/** The page that lists the caller's jobs, newest first. */

import { el, fill } from "../base/dom.js";
import { createHeading } from "../base/router.js";
import { createErrorBox } from "../jobs/facts.js";
import { STATUSES, getStatusName } from "../jobs/status.js";
import { createTile } from "../jobs/tile.js";
import { listJobs } from "../net/api.js";

const PAGE = "24";
const DAY = 86_400_000;
const SINCE = { "": "Any time", 1: "Last 24 hours", 7: "Last 7 days", 30: "Last 30 days" };

export const historyPage = { title: "History", show: draw };

function draw(view) {
  let listing = new AbortController();
  const status = el("select", { id: "filter-status" }, el("option", { value: "" }, "All statuses"),
    STATUSES.map((each) => el("option", { value: each }, getStatusName(each))));
  const since = el("select", { id: "filter-since" }, Object.entries(SINCE).map(([days, name]) => el("option", { value: days, selected: days === "" }, name)));
  const search = el("input", { id: "filter-name", type: "search", placeholder: "Part of the name", autocomplete: "off", spellcheck: "false" });
  const list = el("ul", { class: "prints" });
  const foot = el("div", { class: "row row-centre", "aria-live": "polite" });

  const load = async (cursor) => {
    const signal = listing.signal;
    fill(foot, el("p", { class: "faint" }, "Loading…"));
    const from = since.value ? new Date(Date.now() - Number(since.value) * DAY).toISOString() : "";
    try {
      const page = await listJobs({ status: status.value, since: from, limit: PAGE, cursor });
      if (signal.aborted) return;
      list.append(...page.jobs.map((job) => createTile(job, { signal })));
      filterByName();
      fill(foot, page.next_cursor
        ? el("button", { class: "button", onClick: () => load(page.next_cursor) }, "Show more")
        : !list.children.length && el("p", { class: "empty" }, "No images yet. Processed images are listed here until they expire."));
    } catch (problem) {
      if (!signal.aborted) fill(foot, createErrorBox(problem), el("button", { class: "button", onClick: () => load(cursor) }, "Try again"));
    }
  };
  /** Filter the loaded jobs by name, because the API has no search by name. */
  const filterByName = () => {
    const part = search.value.trim().toLowerCase();
    for (const each of list.children) each.hidden = part !== "" && !each.dataset.name.toLowerCase().includes(part);
  };
  const reload = () => {
    listing.abort();
    listing = new AbortController();
    fill(list);
    load("");
  };
  status.addEventListener("change", reload);
  since.addEventListener("change", reload);
  search.addEventListener("input", filterByName);

  fill(view, createHeading("History"),
    el("div", { class: "filters", role: "search" },
      createField("Status", status), createField("Uploaded", since), createField("Name", search)),
    list, foot);
  load("");
  return () => listing.abort();
}

function createField(name, control) {
  return el("div", { class: "field" }, el("label", { for: control.id }, name), control);
}
