/** The watermark on the stage: drag it to one of nine places and a margin, and its corner to change the size. */

import { html, useRef, useState } from "../vendor/preact.js";
import { announce } from "../base/announce.js";
import { readArrow, useDrag } from "./drag.js";
import { drawOperations } from "./drawing.js";
import { computeMarkBox, computeMarkSize, findPlace, MIN_SCALE, moveGravity } from "./mark-place.js";
import { Picture } from "../table/picture.js";
import { ANCHORS } from "./sizes.js";

/** @typedef {{kind: "move"|"size", box: import("./sizes.js").Box, scale: number}} Start */

const SCALE_STEP = 0.01;

/**
 * @param {{drawing: import("./drawing.js").Drawing, scale: number, place: Record<string, string>, operation: Record<string, any>,
 *   drawMark: import("./drawing.js").LoadMark, onChange: (values: Record<string, any>) => void, onEnd: () => void, onClose: () => void}} props
 *   `place`: style of the frame; `onEnd` ends a change: the next one is another step to undo
 */
export function MarkArea({ drawing, scale, place, operation, drawMark, onChange, onEnd, onClose }) {
  const { size } = drawing;
  const [draft, setDraft] = useState(/** @type {Record<string, any>|null} */ (null));
  const latest = useRef(/** @type {Record<string, any>|null} */ (null));
  const shown = { ...operation, ...draft };
  const gravity = shown.gravity ?? "bottom-right";
  const margin = shown.margin ?? 0.02;
  const share = shown.scale ?? 0.25;
  const loaded = drawMark(operation) ?? { width: 2, height: 1 };
  const mark = computeMarkSize(size, loaded, share);
  const box = computeMarkBox(size, mark, { gravity, margin });
  const label = `${gravity.replace("-", " ")}, margin ${formatPercent(margin)}, size ${formatPercent(share)}`;
  const [across = 1, down = 1] = ANCHORS[gravity] ?? [];

  const drag = useDrag({
    scale,
    onStart: (event) => ({
      kind: /** @type {Start["kind"]} */ (/** @type {HTMLElement} */ (event.currentTarget).dataset.kind),
      box,
      scale: share,
    }),
    onMove: (/** @type {Start} */ start, by) => {
      const next =
        start.kind === "move"
          ? findPlace(size, mark, { x: start.box.left + by.x, y: start.box.top + by.y })
          : { scale: resize(start, by) };
      latest.current = next;
      setDraft(next);
    },
    onEnd: () => {
      if (latest.current) onChange(latest.current);
      onEnd();
      drop();
    },
    onCancel: () => drop(),
  });
  const drop = () => {
    latest.current = null;
    setDraft(null);
  };
  /** Return the scale after a drag of the corner that is opposite to the gravity. @param {Start} start @param {{x: number, y: number}} by */
  const resize = (start, by) => {
    const width = start.box.right - start.box.left;
    const height = start.box.bottom - start.box.top;
    const centered = (/** @type {number} */ anchor) => (anchor === 0.5 ? 2 : 1);
    const x = (across === 1 ? -by.x : by.x) * centered(across);
    const y = (down === 1 ? -by.y : by.y) * centered(down);
    const factor = Math.max((width + x) / width, (height + y) / height);
    return limitScale(start.scale * factor);
  };
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    const arrow = readArrow(event);
    const step = { "+": SCALE_STEP, "=": SCALE_STEP, "-": -SCALE_STEP }[event.key];
    if (!arrow && !step) return;
    event.preventDefault();
    const changed = arrow
      ? { gravity: moveGravity(gravity, arrow.x, arrow.y) }
      : { scale: limitScale(share + Number(step)) };
    onChange(changed);
    announce(arrow ? String(changed.gravity).replace("-", " ") : `Size ${formatPercent(Number(changed.scale))}`);
  };
  const drawn = drawOperations(drawing, [shown], drawMark);
  const corner = `${down === 1 ? "n" : "s"}${across === 1 ? "w" : "e"}`;
  return html`<div
      class="tool-frame"
      style=${place}
    >
      <${Picture} canvas=${drawn.canvas} label="The image with the watermark" />
      <div
        class="mark-box"
        style=${{
          left: `${box.left * scale}px`,
          top: `${box.top * scale}px`,
          width: `${mark.width * scale}px`,
          height: `${mark.height * scale}px`,
        }}
      >
        <button
          type="button"
          class="crop-move"
          data-kind="move"
          data-start
          aria-label=${`Watermark, ${label}. Arrow keys move it, plus and minus change its size.`}
          onKeyDown=${onKeyDown}
          ...${drag}
        ></button>
        <button
          type="button"
          class=${`crop-handle crop-${corner}`}
          data-kind="size"
          tabindex="-1"
          aria-hidden="true"
          ...${drag}
        ></button>
      </div>
    </div>
    <div class="tool-bar">
      <output class="tool-value">${label.charAt(0).toUpperCase() + label.slice(1)}</output>
      <button type="button" class="button button-small button-primary" onClick=${onClose}>Done</button>
    </div>`;
}

/** @param {number} scale */
function limitScale(scale) {
  return Math.round(Math.min(1, Math.max(MIN_SCALE, scale)) * 1000) / 1000;
}

/** @param {number} share */
function formatPercent(share) {
  return `${Math.round(share * 1000) / 10} %`;
}
