/** One batch: its progress, its members, and what can be done with all of them. */

import { html, useEffect, useState } from "../vendor/preact.js";
import { announce, showNote } from "../base/announce.js";
import { confirmAction } from "../base/confirmation.js";
import { formatCount, formatTime } from "../base/format.js";
import { Icon } from "../base/icons.js";
import { usePages } from "../base/paged-list.js";
import { route, setQuery } from "../base/router.js";
import { Select } from "../base/select.js";
import { BatchBar } from "../jobs/batch-bar.js";
import { ErrorBox } from "../jobs/facts.js";
import { STATUSES, getStatusName } from "../jobs/status.js";
import { TileGrid } from "../jobs/tile-grid.js";
import { cancelBatch, getBatch, listBatchItems, retryFailed } from "../net/api.js";
import { pauseBetweenPolls } from "../net/pause.js";
import { formatProblem } from "../net/problem.js";

const PAGE = "48";
const SECONDS = [1, 1, 2, 3, 5, 8, 10];
const MAX_POLLS = 600;

/** @param {{id: string}} props */
export function BatchPage({ id }) {
  const status = route.value.query.get("status") ?? "";
  const [turn, setTurn] = useState(0);
  const { batch, problem } = useBatch(id, turn);
  const { entries, isComplete, foot, reload } = usePages(
    `${id} ${status}`,
    async (cursor) => {
      const page = await listBatchItems(id, {
        status,
        limit: PAGE,
        links: "true",
        cursor,
      });
      return { entries: page.items, next_cursor: page.next_cursor };
    },
    "No images.",
  );
  const restart = () => {
    setTurn((now) => now + 1);
    reload();
  };
  return html`<div class="page">
    <h1 tabindex="-1"><bdi>${batch?.name || "Batch"}</bdi></h1>
    <section class="panel stack" aria-label="Progress">
      ${problem && html`<${ErrorBox} failure=${problem} />`}
      ${
        batch &&
        html`<${BatchBar} batch=${batch} />
          <p class="faint">${formatRate(batch)}</p>
          <div class="row">
            <${Buttons} batch=${batch} onDone=${restart} />
            <a class="button" href=${`#/history?batch=${batch.id}`}>Search in this batch</a>
          </div>`
      }
    </section>
    <div class="filters">
      <${Select}
        id="filter-status"
        name="Status"
        value=${status}
        onChange=${(/** @type {string} */ value) => setQuery({ status: value })}
        options=${[["", "All statuses"], ...STATUSES.map((each) => [each, getStatusName(each)])]}
      />
    </div>
    <${TileGrid} jobs=${entries} isComplete=${isComplete} />
    ${foot}
  </div>`;
}

/**
 * Follow a batch until it is done. Start again when `turn` changes.
 * @param {string} id @param {number} turn @returns {{batch: Batch|null, problem: unknown}}
 */
function useBatch(id, turn) {
  const [batch, setBatch] = useState(/** @type {Batch|null} */ (null));
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  useEffect(() => {
    const { signal, abort } = createStop();
    const follow = async () => {
      for (let polls = 0; polls < MAX_POLLS; polls += 1) {
        const latest = await getBatch(id);
        if (signal.aborted) return;
        setBatch(latest);
        if (latest.done) return;
        await pauseBetweenPolls((SECONDS[Math.min(polls, SECONDS.length - 1)] ?? 1) * 1000, signal);
      }
    };
    follow().catch((failure) => signal.aborted || setProblem(failure));
    return abort;
  }, [id, turn]);
  return { batch, problem };
}

function createStop() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

/** @param {Batch} batch */
function formatRate(batch) {
  const started = `Started ${formatTime(batch.created_at)}`;
  if (batch.finished_at) return `${started}, finished ${formatTime(batch.finished_at)}.`;
  return batch.rate ? `${started}. ${batch.rate.toFixed(1)} images per second.` : `${started}.`;
}

/** @param {{batch: Batch, onDone: () => void}} props */
function Buttons({ batch, onDone }) {
  const { failed } = batch.counts;
  const stop = async () => {
    const question = {
      title: "Cancel the remaining images?",
      text: "Images that are already processed are kept.",
      yes: "Cancel remaining",
    };
    if (await confirmAction(question)) await repeatCall(() => cancelBatch(batch.id), "canceled", onDone);
  };
  return html`${
    failed > 0 &&
    html`<button
      type="button"
      class="button"
      onClick=${() => repeatCall(() => retryFailed(batch.id), "being retried", onDone)}
    >
      <${Icon} name="retry" /> Retry ${formatCount(failed, "failed image")}
    </button>`
  }
  ${!batch.done && html`<button type="button" class="button" onClick=${stop}><${Icon} name="close" /> Cancel remaining</button>`}`;
}

/**
 * Repeat a call until no job remains: the API handles a limited number per call.
 * @param {() => Promise<{remaining: number}>} call @param {string} done @param {() => void} onDone
 */
async function repeatCall(call, done, onDone) {
  try {
    let left = Infinity;
    for (let result = await call(); result.remaining > 0 && result.remaining < left; result = await call())
      left = result.remaining;
    announce(`The images are ${done}`);
  } catch (problem) {
    showNote(formatProblem(problem), { kind: "bad" });
  }
  onDone();
}
