/** All jobs, newest first, with filters that are kept in the address. */

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { usePages } from "../base/paged-list.js";
import { goTo, route, setQuery } from "../base/router.js";
import { Select } from "../base/select.js";
import { STATUSES, getStatusName } from "../jobs/status.js";
import { TileGrid } from "../jobs/tile-grid.js";
import { listBatches, listJobs } from "../net/api.js";

const PAGE = "48";
const MAX_BATCHES = "50";
const MAX_NAME = 255;
const TYPING_MILLISECONDS = 400;
const DAY_MILLISECONDS = 86_400_000;
/** @type {Array<[string, string]>} */
const PERIODS = [
  ["", "Any time"],
  ["1", "Last 24 hours"],
  ["7", "Last 7 days"],
  ["30", "Last 30 days"],
];

/** @param {{app: import("../app.js").App}} props */
export function HistoryPage({ app }) {
  const { query } = route.value;
  const status = query.get("status") ?? "";
  const days = query.get("days") ?? "";
  const batch = query.get("batch") ?? "";
  const name = query.get("name") ?? "";
  const isFiltered = Boolean(status || days || batch || name);
  const set = (/** @type {Record<string, string>} */ values) =>
    setQuery({ ...Object.fromEntries(route.peek().query), ...values });
  const { entries, isComplete, foot } = usePages(
    JSON.stringify([status, days, batch, name]),
    async (cursor) => {
      const since = days ? new Date(Date.now() - Number(days) * DAY_MILLISECONDS).toISOString() : "";
      const filters = { status, since, batch, filename: name, links: "true", limit: PAGE, cursor };
      const page = await listJobs(filters);
      return { entries: page.jobs, next_cursor: page.next_cursor };
    },
    isFiltered ? "No image matches." : "No images yet. Processed images are listed here until they expire.",
  );
  const useRecipe = (/** @type {Job} */ job) => app.editor.load(job) && goTo("#/");
  return html`<div class="page">
    <h1 tabindex="-1">History</h1>
    <div class="filters" role="search">
      <${SearchField} value=${name} onChange=${(/** @type {string} */ value) => set({ name: value })} />
      <${Select}
        id="filter-status"
        name="Status"
        value=${status}
        onChange=${(/** @type {string} */ value) => set({ status: value })}
        options=${[["", "All statuses"], ...STATUSES.map((each) => [each, getStatusName(each)])]}
      />
      <${Select}
        id="filter-days"
        name="Uploaded"
        value=${days}
        onChange=${(/** @type {string} */ value) => set({ days: value })}
        options=${PERIODS}
      />
      <${BatchSelect} value=${batch} onChange=${(/** @type {string} */ value) => set({ batch: value })} />
      ${isFiltered && html`<button type="button" class="button" onClick=${() => setQuery({})}>Clear filters</button>`}
    </div>
    <${TileGrid} jobs=${entries} isComplete=${isComplete} onUseRecipe=${useRecipe} />
    ${foot}
  </div>`;
}

/** The search for a name, which starts when the user stops typing. @param {{value: string, onChange: (value: string) => void}} props */
function SearchField({ value, onChange }) {
  const [typed, setTyped] = useState(value);
  const timer = useRef(0);
  const search = (/** @type {string} */ text) => {
    clearTimeout(timer.current);
    if (text.trim() !== value) onChange(text.trim());
  };
  useEffect(() => setTyped(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const onInput = (/** @type {Event} */ event) => {
    const text = /** @type {HTMLInputElement} */ (event.currentTarget).value;
    setTyped(text);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => search(text), TYPING_MILLISECONDS);
  };
  return html`<div class="field">
    <label for="filter-name">Name</label>
    <input
      id="filter-name"
      type="search"
      value=${typed}
      maxlength=${MAX_NAME}
      placeholder="Part of the name"
      autocomplete="off"
      spellcheck=${false}
      onInput=${onInput}
      onChange=${() => search(typed)}
    />
  </div>`;
}

/** The choice of one of the newest batches. Without batches, there is none. @param {{value: string, onChange: (value: string) => void}} props */
function BatchSelect({ value, onChange }) {
  const [batches, setBatches] = useState(/** @type {Batch[]} */ ([]));
  useEffect(() => {
    listBatches({ limit: MAX_BATCHES }).then(
      (page) => setBatches(page.batches),
      () => {}, // this Safelight has no batches, or they cannot be read
    );
  }, []);
  if (!value && !batches.length) return null;
  /** @type {Array<[string, string]>} */
  const options = batches.map((each) => [each.id, each.name || each.id]);
  if (value && !batches.some((each) => each.id === value)) options.unshift([value, value]);
  return html`<${Select} id="filter-batch" name="Batch" value=${value} onChange=${onChange} options=${[["", "All images"], ...options]} />`;
}
