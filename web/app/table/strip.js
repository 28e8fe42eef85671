/** The film strip: all images in a row. Arrow keys move between them. */

import { html, useEffect, useRef } from "../vendor/preact.js";
import { formatSaving } from "../base/format.js";
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
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    store.move(document.dir === "rtl" ? -by : by);
    requestAnimationFrame(() => {
      const current = document.querySelector(".strip [aria-current] ");
      if (current instanceof HTMLElement) current.focus();
    });
  };
  return html`<ol class="strip" aria-label="Images" onKeyDown=${onKeyDown}>
    ${store.images.value.map((each) => html`<${Frame} key=${each.key} store=${store} image=${each} />`)}
  </ol>`;
}

/** @param {{store: ImageStore, image: StoredImage}} props */
function Frame({ store, image }) {
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
