/** Dragging with mouse, pen or finger. */

import { useRef } from "../vendor/preact.js";

/**
 * @template T
 * @param {{scale: number, onStart: (event: PointerEvent) => T, onMove: (start: T, by: {x: number, y: number}) => void, onEnd: () => void, onCancel: () => void}} options
 *   `scale`: CSS pixels per pixel of the image. `onStart` returns what the drag starts from. `onCancel` drops the change.
 * @returns {Record<string, (event: any) => void>} event handlers of the element that is dragged
 */
export function useDrag({ scale, onStart, onMove, onEnd, onCancel }) {
  const drag = useRef(/** @type {{id: number, x: number, y: number, start: T}|null} */ (null));
  const end = (/** @type {() => void} */ finish) => (/** @type {PointerEvent} */ event) => {
    if (drag.current?.id !== event.pointerId) return;
    drag.current = null;
    finish();
  };
  return {
    onPointerDown(/** @type {PointerEvent} */ event) {
      if (event.button > 0 || drag.current) return;
      event.stopPropagation();
      /** @type {Element} */ (event.currentTarget).setPointerCapture(event.pointerId);
      drag.current = { id: event.pointerId, x: event.clientX, y: event.clientY, start: onStart(event) };
    },
    onPointerMove(/** @type {PointerEvent} */ event) {
      const { current } = drag;
      if (current?.id !== event.pointerId) return;
      onMove(current.start, { x: (event.clientX - current.x) / scale, y: (event.clientY - current.y) / scale });
    },
    onPointerUp: end(onEnd),
    onPointerCancel: end(onCancel),
  };
}

/** Return the direction of an arrow key, or null for other keys. @param {KeyboardEvent} event @returns {{x: number, y: number}|null} */
export function readArrow({ key }) {
  return (
    { ArrowLeft: { x: -1, y: 0 }, ArrowRight: { x: 1, y: 0 }, ArrowUp: { x: 0, y: -1 }, ArrowDown: { x: 0, y: 1 } }[
      key
    ] ?? null
  );
}
