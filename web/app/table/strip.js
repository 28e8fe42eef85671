/** The film strip: all images in a row. Arrow keys, Home and End move between them. Only the visible ones are drawn. */

import { html, useEffect, useRef } from "../vendor/preact.js";
import { formatSaving } from "../base/format.js";
import { useVirtualList } from "../base/virtual.js";
import { describeState } from "../jobs/status.js";
import { getJob } from "../store/images.js";
import { sumOutputs } from "../store/summary.js";
import { Thumbnail } from "./thumbnail.js";

/**
 * @typedef {import("../store/images.js").ImageStore} ImageStore
 * @typedef {import("../store/images.js").StoredImage} StoredImage
 */

/** @param {{store: ImageStore}} props */
export function FilmStrip({ store }) {
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    const { length } = store.images.value;
    const forward = document.dir === "rtl" ? -1 : 1;
    const by = { ArrowLeft: -forward, ArrowRight: forward, Home: -length, End: length }[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    store.move(by);
    requestAnimationFrame(() => {
      const current = document.querySelector(".strip [aria-current] ");
      if (current instanceof HTMLElement) current.focus();
    });
  };
  const images = store.images.value;
  const keys = images.map((each) => each.key);
  // The selected image stays, because it can be reached with Tab and is scrolled into view.
  const options = { isHorizontal: true, pinned: store.selected.value?.key };
  const { holder, indices } = useVirtualList(keys, options);
  return html`<div class="strip" data-scrolls>
    <ol
      ref=${holder}
      aria-label="Images"
      style=${{ gridTemplateColumns: `repeat(${images.length}, 7rem)` }}
      onKeyDown=${onKeyDown}
    >
      ${indices.map((index) => {
        const each = /** @type {StoredImage} */ (images[index]);
        return html`<${Frame} key=${each.key} store=${store} image=${each} index=${index} total=${images.length} />`;
      })}
    </ol>
  </div>`;
}

/** @param {{store: ImageStore, image: StoredImage, index: number, total: number}} props */
function Frame({ store, image, index, total }) {
  const button = useRef(/** @type {HTMLButtonElement|null} */ (null));
  const state = image.state.value;
  const { name: status, kind } = describeState(state);
  const isSelected = store.selected.value === image;
  const saving = describeSaving(image);
  useEffect(() => {
    if (isSelected) button.current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [isSelected]);
  return html`<li
    class="frame"
    style=${{ gridColumn: index + 1 }}
    aria-setsize=${total}
    aria-posinset=${index + 1}
    data-index=${index}
    data-name=${image.name}
    data-status=${status}
    data-id=${getJob(state)?.id}
    data-phase=${state.phase}
  >
    <button
      type="button"
      ref=${button}
      aria-current=${isSelected ? "true" : undefined}
      aria-label=${[image.name, status, saving].filter(Boolean).join(", ")}
      tabindex=${isSelected ? 0 : -1}
      title=${image.name}
      onClick=${() => (store.selectedKey.value = image.key)}
    >
      <${Thumbnail} file=${image.file} job=${getJob(state)} />
      <span class=${`badge badge-${kind}`}>${saving || status}</span>
      ${state.phase === "sending" && html`<progress max="1" value=${state.share} aria-hidden="true" />`}
    </button>
  </li>`;
}

/** Return the size change of the newest result, such as `−91 %`. @param {StoredImage} image */
export function describeSaving(image) {
  const { phase } = image.state.value;
  const job = getJob(image.state.value);
  if (phase !== "done" || !job?.result) return "";
  return formatSaving(job.raw.size ?? image.size, sumOutputs(job.result));
}
