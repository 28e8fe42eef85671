/** Jobs as tiles, in as many columns as there is room for. Only the visible tiles are drawn. */

import { html, useRef } from "../vendor/preact.js";
import { useVirtualList } from "../base/virtual.js";
import { deletedIds } from "../store/deleted.js";
import { Tile } from "./tile.js";

/**
 * @param {{jobs: Job[], isComplete: boolean, onUseRecipe?: (job: Job) => void}} props `isComplete` if no further page follows
 */
export function TileGrid({ jobs, isComplete, onUseRecipe }) {
  /** Jobs that have changed since they were listed: their tiles may be drawn again. */
  const changed = useRef(/** @type {Map<string, Job>} */ (new Map()));
  const shown = jobs.filter((each) => !deletedIds.value.has(each.id));
  const { holder, indices, columns } = useVirtualList(shown.map((each) => each.id));
  const rows = Math.ceil(shown.length / columns);
  return html`<ul
    ref=${holder}
    class="tiles"
    style=${{ gridTemplateRows: `repeat(${Math.max(1, rows)}, var(--tile))` }}
  >
    ${indices.map((index) => {
      const job = /** @type {Job} */ (shown[index]);
      return html`<${Tile}
        key=${job.id}
        job=${chooseNewer(job, changed.current.get(job.id))}
        index=${index}
        total=${isComplete ? shown.length : -1}
        place=${{ gridRow: Math.floor(index / columns) + 1, gridColumn: (index % columns) + 1 }}
        onJob=${(/** @type {Job} */ latest) => changed.current.set(latest.id, latest)}
        onUseRecipe=${onUseRecipe}
      />`;
    })}
  </ul>`;
}

/** @param {Job} listed @param {Job|undefined} seen */
function chooseNewer(listed, seen) {
  return seen && seen.timestamp >= listed.timestamp ? seen : listed;
}
