/** The crop on the stage: drag inside to move it, its handles to change it, outside to draw a new one. */

import { html, useRef, useState } from "../vendor/preact.js";
import { announce } from "../base/announce.js";
import { Choice } from "../base/choice.js";
import { formatLabel } from "../base/format.js";
import {
  applyRatio,
  describeBox,
  HANDLES,
  moveBox,
  RATIOS,
  readBox,
  readRatio,
  resizeBox,
  toCrop,
} from "./crop-box.js";
import { readArrow, useDrag } from "./drag.js";
import { Photo, Picture } from "../table/picture.js";

/**
 * @typedef {import("./sizes.js").Box} Box
 * @typedef {import("./crop-box.js").Handle} Handle
 * @typedef {{handle: Handle|"move"|"new", box: Box}} Start
 */

const MIN_DRAG = 4; // CSS pixels; a shorter drag outside the box is a click
const LARGE_STEP = 10; // pixels, with Shift
/** @type {Record<Handle, string>} */
const HANDLE_NAMES = {
  nw: "Upper left corner",
  n: "Upper edge",
  ne: "Upper right corner",
  e: "Right edge",
  se: "Lower right corner",
  s: "Lower edge",
  sw: "Lower left corner",
  w: "Left edge",
};

/**
 * @param {{drawing: import("./drawing.js").Drawing, url: string|null, scale: number, place: Record<string, string>, operation: Record<string, any>,
 *   onChange: (values: Record<string, any>) => void, onEnd: () => void, onClose: () => void}} props
 *   `url`: the image in all its pixels, if it is the one of the drawing; `place`: style of the frame;
 *   `onEnd` ends a change: the next one is another step to undo
 */
export function CropArea({ drawing, url, scale, place, operation, onChange, onEnd, onClose }) {
  const { size, canvas } = drawing;
  const frame = useRef(/** @type {HTMLElement|null} */ (null));
  const [draft, setDraft] = useState(/** @type {Box|null} */ (null));
  const latest = useRef(/** @type {Box|null} */ (null));
  const [ratioName, setRatioName] = useState("free");
  const box = draft ?? readBox(size, operation);
  const ratio = readRatio(ratioName, size);

  const show = (/** @type {Box|null} */ next) => {
    latest.current = next;
    setDraft(next);
  };
  const save = (/** @type {Box} */ next) => onChange(toCrop(next, size, operation.unit));
  const change = (/** @type {Start} */ { handle, box: start }, /** @type {{x: number, y: number}} */ by) => {
    if (handle === "move") return moveBox(start, by, size);
    if (handle !== "new") return resizeBox(start, handle, by, size, ratio);
    const corner = /** @type {Handle} */ (`${by.y < 0 ? "n" : "s"}${by.x < 0 ? "w" : "e"}`);
    return resizeBox(start, corner, by, size, ratio);
  };
  const drag = useDrag({
    scale,
    onStart: (event) => {
      const handle = /** @type {Start["handle"]} */ (
        /** @type {HTMLElement} */ (event.currentTarget).dataset.handle ?? "new"
      );
      return { handle, box: handle === "new" ? locate(event) : box };
    },
    onMove: (/** @type {Start} */ start, by) => {
      const isClick = start.handle === "new" && Math.hypot(by.x, by.y) * scale < MIN_DRAG;
      if (!isClick || latest.current) show(change(start, by));
    },
    onEnd: () => {
      if (latest.current) save(latest.current);
      onEnd();
      show(null);
    },
    onCancel: () => show(null),
  });
  /** Return an empty box below the pointer. @param {PointerEvent} event @returns {Box} */
  const locate = (event) => {
    const bounds = frame.current?.getBoundingClientRect() ?? new DOMRect();
    const x = Math.min(size.width, Math.max(0, Math.round((event.clientX - bounds.left) / scale)));
    const y = Math.min(size.height, Math.max(0, Math.round((event.clientY - bounds.top) / scale)));
    return { left: x, top: y, right: x, bottom: y };
  };
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    const arrow = readArrow(event);
    if (!arrow) return;
    event.preventDefault();
    const step = event.shiftKey ? LARGE_STEP : 1;
    const handle = /** @type {Start["handle"]} */ (/** @type {HTMLElement} */ (event.currentTarget).dataset.handle);
    const next = change({ handle, box }, { x: arrow.x * step, y: arrow.y * step });
    save(next);
    announce(describeBox(next));
  };
  const chooseRatio = (/** @type {string} */ name) => {
    setRatioName(name);
    const chosen = readRatio(name, size);
    if (chosen) save(applyRatio(box, chosen, size));
    onEnd();
  };
  const edges = {
    left: `${box.left * scale}px`,
    top: `${box.top * scale}px`,
    width: `${(box.right - box.left) * scale}px`,
    height: `${(box.bottom - box.top) * scale}px`,
  };
  const label = describeBox(box);
  return html`<div
      class="tool-frame"
      ref=${frame}
      style=${place}
      ...${drag}
    >
      ${
        url
          ? html`<${Photo} src=${url} alt="The image before the crop" />`
          : html`<${Picture} canvas=${canvas} label="The image before the crop" />`
      }
      <div class="tool-clip" aria-hidden="true"><div class="crop-shade" style=${edges}></div></div>
      <div class="crop-box" style=${edges}>
        <button
          type="button"
          class="crop-move"
          data-handle="move"
          data-start
          aria-label=${`Crop, ${label}. Arrow keys move it, with Shift by ${LARGE_STEP} pixels.`}
          onKeyDown=${onKeyDown}
          ...${drag}
        ></button>
        ${HANDLES.map(
          (each) =>
            html`<button
              key=${each}
              type="button"
              class=${`crop-handle crop-${each}`}
              data-handle=${each}
              aria-label=${`${HANDLE_NAMES[each]}, ${label}`}
              title=${HANDLE_NAMES[each]}
              onKeyDown=${onKeyDown}
              ...${drag}
            ></button>`,
        )}
      </div>
    </div>
    <div class="tool-bar">
      <${Choice}
        label="Proportions of the crop"
        options=${RATIOS.map((each) => [each, formatLabel(each)])}
        chosen=${ratioName}
        onChoose=${chooseRatio}
      />
      <output class="tool-value" dir="ltr">${label}</output>
      <button type="button" class="button button-small button-primary" onClick=${onClose}>Done</button>
    </div>`;
}
