/** All batches, newest first. */

import { html } from "../vendor/preact.js";
import { formatAge, formatCount } from "../base/format.js";
import { usePages } from "../base/paged-list.js";
import { BatchBar } from "../jobs/batch-bar.js";
import { listBatches } from "../net/api.js";

export function BatchesPage() {
  const { entries, foot } = usePages(
    "",
    async (cursor) => {
      const page = await listBatches({ limit: "20", cursor });
      return { entries: page.batches, next_cursor: page.next_cursor };
    },
    "No batches yet. Images that you add together can become a batch.",
  );
  return html`<div class="page">
    <h1 tabindex="-1">Batches</h1>
    <ul class="batches">
      ${entries.map(
        (batch) =>
          html`<li key=${batch.id} class="panel">
            <div class="batch-head">
              <h2 class="name">
                <a href=${`#/batches/${batch.id}`}><bdi>${batch.name || batch.id}</bdi></a>
              </h2>
              <span class="faint">
                ${formatCount(batch.total, "image")}, <time datetime=${batch.created_at}>${formatAge(batch.created_at)}</time>
              </span>
            </div>
            <${BatchBar} batch=${batch} />
          </li>`,
      )}
    </ul>
    ${foot}
  </div>`;
}
