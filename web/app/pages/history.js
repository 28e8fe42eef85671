/** All jobs, newest first, with filters that are kept in the address. */

import { html } from "../vendor/preact.js";
import { usePages } from "../base/paged-list.js";
import { route, setQuery } from "../base/router.js";
import { STATUSES, getStatusName } from "../jobs/status.js";
import { Tile } from "../jobs/tile.js";
import { listJobs } from "../net/api.js";

const PAGE = "24";
const DAY_MILLISECONDS = 86_400_000;
/** @type {Array<[string, string]>} */
const PERIODS = [
  ["", "Any time"],
  ["1", "Last 24 hours"],
  ["7", "Last 7 days"],
  ["30", "Last 30 days"],
];

export function HistoryPage() {
  const { query } = route.value;
  const status = query.get("status") ?? "";
  const days = query.get("days") ?? "";
  const batch = query.get("batch") ?? "";
  const name = (query.get("name") ?? "").toLowerCase();
  const set = (/** @type {Record<string, string>} */ values) => setQuery({ ...Object.fromEntries(query), ...values });
  const { entries, foot } = usePages(
    `${status} ${days} ${batch}`,
    async (cursor) => {
      const since = days ? new Date(Date.now() - Number(days) * DAY_MILLISECONDS).toISOString() : "";
      const page = await listJobs({
        status,
        since,
        batch,
        limit: PAGE,
        cursor,
      });
      return { entries: page.jobs, next_cursor: page.next_cursor };
    },
    "No images yet. Processed images are listed here until they expire.",
  );
  // The API cannot search by name, so this filters the images that are loaded.
  const shown = entries.filter((each) => each.filename.toLowerCase().includes(name));
  return html`<div class="page">
    <h1 tabindex="-1">History</h1>
    <div class="filters" role="search">
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
      <div class="field">
        <label for="filter-name">Name, among those shown</label>
        <input
          id="filter-name"
          type="search"
          value=${name}
          placeholder="Part of the name"
          autocomplete="off"
          spellcheck=${false}
          onInput=${(/** @type {Event} */ event) => set({ name: /** @type {HTMLInputElement} */ (event.currentTarget).value })}
        />
      </div>
      ${batch && html`<button type="button" class="button" onClick=${() => set({ batch: "" })}>Show all batches</button>`}
    </div>
    <ul class="tiles">
      ${shown.map((job) => html`<${Tile} key=${job.id} job=${job} />`)}
    </ul>
    ${foot}
  </div>`;
}

/** @param {{id: string, name: string, value: string, options: Array<[string, string]>, onChange: (value: string) => void}} props */
export function Select({ id, name, value, options, onChange }) {
  return html`<div class="field">
    <label for=${id}>${name}</label>
    <select
      id=${id}
      value=${value}
      onChange=${(/** @type {Event} */ event) => onChange(/** @type {HTMLSelectElement} */ (event.currentTarget).value)}
    >
      ${options.map(([each, label]) => html`<option key=${each} value=${each} selected=${each === value}>${label}</option>`)}
    </select>
  </div>`;
}
