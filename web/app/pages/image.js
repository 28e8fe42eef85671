/** One job: before and after, its results, status history and recipe. */

import { html, useEffect, useState } from "../vendor/preact.js";
import { focusSoon } from "../base/dom.js";
import { formatBytes, formatDimensions, formatTime, isolate } from "../base/format.js";
import { Icon } from "../base/icons.js";
import { goTo } from "../base/router.js";
import { download } from "../jobs/actions.js";
import { deleteWithUndo } from "../jobs/deletion.js";
import { ReceiptPanel } from "../jobs/receipt-panel.js";
import { ErrorBox, SizeSummary } from "../jobs/facts.js";
import { StatusChip } from "../jobs/status.js";
import { JobButtons, useFollowedJob } from "../jobs/tile.js";
import { Timeline } from "../jobs/timeline.js";
import { getJob } from "../net/api.js";
import { deletedIds } from "../store/deleted.js";
import { Viewer } from "../table/viewer.js";

/** @param {{app: import("../app.js").App, id: string}} props */
export function ImagePage({ app, id }) {
  const [job, setJob] = useState(/** @type {Job|null} */ (null));
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  useEffect(() => {
    getJob(id).then(replaceHeading(setJob), replaceHeading(setProblem));
  }, [id]);
  if (problem || deletedIds.value.has(id)) {
    return html`<section class="gate panel">
      <h1 tabindex="-1">Image</h1>
      ${problem ? html`<${ErrorBox} failure=${problem} />` : html`<p>This image was deleted.</p>`}
      <p><a class="button" href="#/history">Go to history</a></p>
    </section>`;
  }
  if (!job)
    return html`<div class="page">
      <h1 tabindex="-1">Image</h1>
      <p class="faint">Loading…</p>
    </div>`;
  return html`<${LoadedJob} app=${app} job=${job} />`;
}

/**
 * Return a function that sets a state with another heading, to which the focus of the old heading moves.
 * @template T @param {(value: T) => void} set @returns {(value: T) => void}
 */
function replaceHeading(set) {
  return (value) => {
    const hadFocus = document.activeElement?.matches("h1");
    set(value);
    if (hadFocus) focusSoon("h1");
  };
}

/** @param {{app: import("../app.js").App, job: Job}} props */
function LoadedJob({ app, job: loaded }) {
  const [job, setJob] = useFollowedJob(loaded);
  const file =
    app.store.images.value.find((each) => each.state.value.versions.some(({ id }) => id === job.id))?.file ?? null;
  const remove = () => {
    deleteWithUndo({ ids: [job.id], text: `${isolate(job.filename)} deleted` });
    goTo("#/history");
  };
  const useRecipe = () => app.editor.load(job) && goTo("#/");
  const actions = html`${
    job.result &&
    html`<button
        type="button"
        class="button button-small"
        aria-label=${`Download ${job.filename}`}
        onClick=${() => download(job.id)}
      >
        <${Icon} name="download" /> Download
      </button>`
  } <${JobButtons} job=${job} onJob=${setJob} onDelete=${remove} />`;
  return html`<div class="page image-page">
    <${Viewer}
      name=${job.filename}
      size=${job.raw.size ?? 0}
      file=${file}
      jobs=${[job]}
      position=""
      level=${1}
      onMove=${() => {}}
      status=${html`<${JobStatus} job=${job} />`}
      actions=${actions}
    >
      <div class="messages">
        ${job.error && html`<${ErrorBox} failure=${job.error} />`}
        ${job.warnings.map((each) => html`<p key=${each} class="warning">${each}</p>`)}
      </div>
    <//>
    <div class="job-more">
      <section class="panel">
        <h2>Results</h2>
        <${SizeSummary} job=${job} />
        ${job.result && html`<${ResultList} job=${job} />`}
      </section>
      ${job.links.receipt && html`<${ReceiptPanel} job=${job} file=${file} />`}
      <section class="panel">
        <h2>Status history</h2>
        <${Timeline} history=${job.history} />
        ${job.attempts > 1 && html`<p class="faint">This job took ${job.attempts} attempts.</p>`}
        ${job.batch_id && html`<p><a href=${`#/batches/${job.batch_id}`}>Batch of this image</a></p>`}
      </section>
      <section class="panel">
        <h2>Recipe</h2>
        <div class="row">
        <button type="button" class="button button-small" onClick=${useRecipe}>
          <${Icon} name="retry" /> Use this recipe
        </button>
        ${
          job.result &&
          html`<button
            type="button"
            class="button button-small"
            onClick=${() => app.addJob(job)}
          >
            <${Icon} name="add" /> Use another recipe
          </button>`
        }
        </div>
        <pre
          tabindex="0"
          role="region"
          aria-label="Recipe as JSON"
        ><code>${JSON.stringify(job.pipeline, null, 2)}</code></pre>
      </section>
    </div>
  </div>`;
}

/** @param {{job: Job}} props */
function JobStatus({ job }) {
  return html`<${StatusChip} status=${job.status} />
    ${!job.done && html`<progress aria-label=${`Progress of ${job.filename}`} />`}
    ${job.preset && html`<span class="faint">preset ${job.preset.name}, version ${job.preset.version}</span>`}
    ${job.expires_at && html`<span class="faint">kept until ${formatTime(job.expires_at)}</span>`}`;
}

/** @param {{job: Job}} props */
function ResultList({ job }) {
  const outputs = job.result?.outputs ?? [];
  return html`<ul class="results">
    ${outputs.map(
      (each) =>
        html`<li key=${each.name}>
          <span><b>${outputs.length > 1 ? each.name : each.format}</b> ${formatDimensions(each.width, each.height)} · ${formatBytes(each.size)}</span>
          <button
            type="button"
            class="button button-small"
            aria-label=${`Download ${outputs.length > 1 ? `${each.name} of ` : ""}${job.filename}`}
            onClick=${() => download(job.id, each.name)}
          >
            <${Icon} name="download" /> Download
          </button>
        </li>`,
    )}
  </ul>`;
}
