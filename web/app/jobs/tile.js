/** A job in a list: image, status, sizes and actions. */

import { html, useEffect, useState } from "../vendor/preact.js";
import { formatAge, formatTime, isolate } from "../base/format.js";
import { Icon } from "../base/icons.js";
import { watchJob } from "../net/job-poller.js";
import { explain } from "../net/problem.js";
import { Thumbnail } from "../table/thumbnail.js";
import { cancelJob, download, isRetryable, retryJob } from "./actions.js";
import { deleteWithUndo } from "./deletion.js";
import { SizeSummary } from "./facts.js";
import { getStatusName, StatusChip } from "./status.js";

/**
 * @param {{job: Job, index: number, total: number, place: {gridRow: number, gridColumn: number}, onJob: (job: Job) => void,
 *   onUseRecipe?: (job: Job) => void}} props
 *   `total` is -1 if it is not known; `onJob` gets each new state
 */
export function Tile({ job: listed, index, total, place, onJob, onUseRecipe }) {
  const [job, setJob] = useFollowedJob(listed, onJob);
  const address = `#/jobs/${job.id}`;
  return html`<li
    class="tile"
    style=${place}
    aria-setsize=${total}
    aria-posinset=${index + 1}
    data-index=${index}
    data-id=${job.id}
    data-name=${job.filename}
    data-status=${getStatusName(job.status)}
  >
    <a class="tile-image" href=${address} tabindex="-1" aria-hidden="true"
      ><${Thumbnail} job=${job}
    /></a>
    <div class="tile-body">
      <h2 class="name">
        <a href=${address} title=${job.filename}><bdi>${job.filename}</bdi></a>
      </h2>
      <p class="tile-state">
        <${StatusChip} status=${job.status} />
        <time
          class="faint"
          datetime=${job.uploaded_at}
          title=${formatTime(job.uploaded_at)}>${formatAge(job.uploaded_at)}</time>
      </p>
      ${job.error ? html`<p class="facts" title=${explain(job.error).what}>${explain(job.error).what}</p>` : html`<${SizeSummary} job=${job} />`}
      ${
        job.expires_at &&
        html`<p class="faint tile-expiry" title=${formatTime(job.expires_at)}>
          Expires <time datetime=${job.expires_at}>${formatAge(job.expires_at)}</time>
        </p>`
      }
      <div class="row tile-buttons">
        ${
          job.result &&
          html`<button
            type="button"
            class="button button-small"
            aria-label=${`Download ${job.filename}`}
            title="Download"
            onClick=${() => download(job.id)}
          >
            <${Icon} name="download" /> Download
          </button>`
        }
        ${
          onUseRecipe &&
          job.pipeline &&
          html`<button
            type="button"
            class="button button-small"
            aria-label=${`Use the recipe of ${job.filename}`}
            title="Use this recipe again"
            onClick=${() => onUseRecipe(job)}
          >
            <${Icon} name="forward" /> Recipe
          </button>`
        }
        <${JobButtons}
          job=${job}
          isCompact
          onJob=${setJob}
          onDelete=${() => deleteWithUndo({ ids: [job.id], text: `${isolate(job.filename)} deleted` })}
        />
      </div>
    </div>
  </li>`;
}

/**
 * Buttons for what can be done with a job in its status.
 * @param {{job: Job, isCompact?: boolean, onJob: (job: Job) => void, onDelete: () => void}} props if compact, the last one is an icon
 */
export function JobButtons({ job, isCompact = false, onJob, onDelete }) {
  const button = (
    /** @type {import("../base/icons.js").IconName} */ icon,
    /** @type {string} */ name,
    /** @type {() => void} */ onClick,
    isLast = true,
  ) =>
    html`<button
      type="button"
      key=${name}
      class="button button-small"
      aria-label=${`${name} ${job.filename}`}
      title=${isCompact && isLast ? name : undefined}
      onClick=${onClick}
    >
      <${Icon} name=${icon} /> ${!(isCompact && isLast) && name}
    </button>`;
  return html`${isRetryable(job) && button("retry", "Retry", () => retryJob(job, onJob), false)}
  ${job.done ? button("trash", "Delete", onDelete) : button("close", "Cancel", () => cancelJob(job, onJob))}`;
}

/**
 * Follow a job while it is shown. Return its newest state and the function that changes it.
 * @param {Job} given @param {(job: Job) => void} [onJob] gets each new state @returns {[Job, (job: Job) => void]}
 */
export function useFollowedJob(given, onJob = () => {}) {
  const [job, setJob] = useState(given);
  const change = (/** @type {Job} */ latest) => {
    setJob(latest);
    onJob(latest);
  };
  useEffect(() => {
    if (job.done) return undefined;
    const shown = new AbortController();
    watchJob(job, { onJob: change, signal: shown.signal }).catch(() => {});
    return () => shown.abort();
  }, [job.id, job.generation, job.done]);
  return [job, change];
}
