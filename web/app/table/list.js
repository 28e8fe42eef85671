/** The list of many images: failures first, with selection by checkbox and Shift. Only the visible rows are drawn. */

import { html, useRef } from "../vendor/preact.js";
import { formatBytes } from "../base/format.js";
import { useVirtualList } from "../base/virtual.js";
import { describeState, Chip } from "../jobs/status.js";
import { Saving } from "../jobs/facts.js";
import { explain } from "../net/problem.js";
import { getJob } from "../store/images.js";
import { sumOutputs } from "../store/summary.js";
import { Thumbnail } from "./thumbnail.js";

/**
 * @typedef {import("../store/images.js").ImageStore} ImageStore
 * @typedef {import("../store/images.js").StoredImage} StoredImage
 */

/** @param {{store: ImageStore, onOpen: (image: StoredImage) => void}} props */
export function ImageList({ store, onOpen }) {
  const lastIndex = useRef(0);
  const images = sortFailuresFirst(store.images.value);
  const { holder, indices, height, focusEntry } = useVirtualList(images.map((each) => each.key));
  const marked = store.markedKeys.value;
  const markAll = (/** @type {Event} */ event) => {
    const { checked } = /** @type {HTMLInputElement} */ (event.currentTarget);
    store.markedKeys.value = new Set(checked ? images.map((each) => each.key) : []);
  };
  const mark = (/** @type {number} */ index, /** @type {boolean} */ checked, /** @type {boolean} */ isRange) => {
    const [first, last] = isRange ? [lastIndex.current, index].sort((one, other) => one - other) : [index, index];
    const changed = images.slice(first, Number(last) + 1).map((each) => each.key);
    const rest = [...marked].filter((key) => !changed.includes(key));
    store.markedKeys.value = new Set(checked ? [...rest, ...changed] : rest);
    lastIndex.current = index;
  };
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    const control = /** @type {HTMLElement} */ (event.target);
    const row = control.closest("tr");
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const index = findTarget(event.key, Number(row.dataset.index), images.length - 1);
    if (index === null) return;
    event.preventDefault();
    focusEntry(index, control.localName);
  };
  return html`<div
    class="list"
    tabindex="0"
    role="region"
    aria-label="All images"
    data-scrolls
  >
    <table aria-rowcount=${images.length + 1}>
      <thead>
        <tr aria-rowindex="1">
          <th scope="col">
            <input
              type="checkbox"
              aria-label="Select all images"
              checked=${marked.size === images.length}
              onChange=${markAll}
            />
          </th>
          <th scope="col"><span class="unseen">Preview</span></th>
          <th scope="col">Name</th>
          <th scope="col">Status</th>
          <th scope="col" class="number">Before</th>
          <th scope="col" class="number">After</th>
          <th scope="col" class="number">Change</th>
        </tr>
      </thead>
      <tbody ref=${holder} onKeyDown=${onKeyDown}>
        ${indices.flatMap((index, place) => {
          const each = /** @type {StoredImage} */ (images[index]);
          const missing = index - (indices[place - 1] ?? -1) - 1;
          return html`<${Gap} key=${`before ${each.key}`} rows=${missing} height=${height} />
            <${Row}
              key=${each.key}
              image=${each}
              index=${index}
              isMarked=${marked.has(each.key)}
              onMark=${(/** @type {boolean} */ checked, /** @type {boolean} */ isRange) => mark(index, checked, isRange)}
              onOpen=${() => onOpen(each)}
            />`;
        })}
        <${Gap} key="end" rows=${images.length - 1 - (indices[indices.length - 1] ?? -1)} height=${height} />
      </tbody>
    </table>
  </div>`;
}

/** Return the row to which a key moves the focus, or null. @param {string} key @param {number} index @param {number} last */
function findTarget(key, index, last) {
  const targets = { ArrowDown: Math.min(index + 1, last), ArrowUp: Math.max(index - 1, 0), Home: 0, End: last };
  return targets[/** @type {keyof typeof targets} */ (key)] ?? null;
}

/** The space of rows that are not drawn. @param {{rows: number, height: number}} props */
function Gap({ rows, height }) {
  if (!rows) return null;
  return html`<tr class="gap" aria-hidden="true">
    <td colspan="7" style=${{ height: `${rows * height}px` }} />
  </tr>`;
}

/** @param {{image: StoredImage, index: number, isMarked: boolean, onMark: (checked: boolean, isRange: boolean) => void, onOpen: () => void}} props */
function Row({ image, index, isMarked, onMark, onOpen }) {
  const state = image.state.value;
  const { name: status, kind } = describeState(state);
  const job = getJob(state);
  const failure = state.problem ?? job?.error;
  const after = job?.result ? sumOutputs(job.result) : null;
  const path = `${image.folder ? `${image.folder}/` : ""}${image.name}`;
  return html`<tr
    data-index=${index}
    aria-rowindex=${index + 2}
    data-name=${image.name}
    data-status=${status}
    data-id=${job?.id}
  >
    <td>
      <input
        type="checkbox"
        aria-label=${`Select ${image.name}`}
        checked=${isMarked}
        onClick=${(/** @type {MouseEvent} */ event) => onMark(/** @type {HTMLInputElement} */ (event.currentTarget).checked, event.shiftKey)}
      />
    </td>
    <td class="list-picture"><${Thumbnail} file=${image.file} job=${job} /></td>
    <td>
      <button type="button" class="link" title=${path} onClick=${onOpen}><bdi>${path}</bdi></button>
      ${failure && html`<p class="faint" title=${explain(failure).what}>${explain(failure).what}</p>`}
    </td>
    <td>
      <${Chip} name=${status} kind=${kind} />
      ${state.phase === "sending" && html`<progress max="1" value=${state.share} aria-label=${`Upload of ${image.name}`} />`}
    </td>
    <td class="number">${formatBytes(image.size)}</td>
    <td class="number">${after === null ? "" : formatBytes(after)}</td>
    <td class="number">${after !== null && html`<${Saving} before=${job?.raw.size ?? image.size} after=${after} />`}</td>
  </tr>`;
}

/** @param {StoredImage[]} images */
function sortFailuresFirst(images) {
  const isFailed = (/** @type {StoredImage} */ image) => describeState(image.state.value).kind === "bad";
  return [...images.filter(isFailed), ...images.filter((each) => !isFailed(each))];
}
