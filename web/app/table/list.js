/** The list of many images: failures first, with selection by checkbox and Shift. */

import { html, useRef } from "../vendor/preact.js";
import { formatBytes } from "../base/format.js";
import { describeState, Chip } from "../jobs/status.js";
import { explain } from "../net/problem.js";
import { getJob } from "../store/images.js";
import { sumOutputs } from "../store/summary.js";
import { describeSaving } from "./strip.js";
import { Thumbnail } from "./thumbnail.js";

/**
 * @typedef {import("../store/images.js").ImageStore} ImageStore
 * @typedef {import("../store/images.js").StoredImage} StoredImage
 */

/** @param {{store: ImageStore, onOpen: (image: StoredImage) => void}} props */
export function ImageList({ store, onOpen }) {
  const lastIndex = useRef(0);
  const images = sortFailuresFirst(store.images.value);
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
  return html`<div
    class="list"
    tabindex="0"
    role="region"
    aria-label="All images"
  >
    <table>
      <thead>
        <tr>
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
      <tbody>
        ${images.map(
          (each, index) =>
            html`<${Row}
              key=${each.key}
              image=${each}
              isMarked=${marked.has(each.key)}
              onMark=${(/** @type {boolean} */ checked, /** @type {boolean} */ isRange) => mark(index, checked, isRange)}
              onOpen=${() => onOpen(each)}
            />`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** @param {{image: StoredImage, isMarked: boolean, onMark: (checked: boolean, isRange: boolean) => void, onOpen: () => void}} props */
function Row({ image, isMarked, onMark, onOpen }) {
  const state = image.state.value;
  const { name: status, kind } = describeState(state);
  const job = getJob(state);
  const failure = state.problem ?? job?.error;
  const after = job?.result ? sumOutputs(job.result) : null;
  return html`<tr
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
      <button type="button" class="link" onClick=${onOpen}>
        <bdi>${image.folder ? `${image.folder}/` : ""}${image.name}</bdi>
      </button>
      ${failure && html`<p class="faint">${explain(failure).what}</p>`}
    </td>
    <td>
      <${Chip} name=${status} kind=${kind} />
      ${state.phase === "sending" && html`<progress max="1" value=${state.share} aria-label=${`Upload of ${image.name}`} />`}
    </td>
    <td class="number">${formatBytes(image.size)}</td>
    <td class="number">${after === null ? "" : formatBytes(after)}</td>
    <td class="number">${describeSaving(image)}</td>
  </tr>`;
}

/** @param {StoredImage[]} images */
function sortFailuresFirst(images) {
  const isFailed = (/** @type {StoredImage} */ image) => describeState(image.state.value).kind === "bad";
  return [...images.filter(isFailed), ...images.filter((each) => !isFailed(each))];
}
