/** Pointer gestures on the stage: drag the line, drag the image, pinch, wheel, and hold. */

import { useRef } from "../vendor/preact.js";

const WHEEL_SPEED = 0.002;

/**
 * @param {{stage: {current: HTMLElement|null}, canPan: boolean, onZoom: (factor: number, point: import("./zoom.js").Point) => void,
 *   onPan: (x: number, y: number) => void, onSplit: ((split: number) => void)|null, onHold: ((held: boolean) => void)|null}} options
 * @returns {Record<string, (event: any) => void>} event handlers of the stage
 */
export function useGestures({ stage, canPan, onZoom, onPan, onSplit, onHold }) {
  /** Pointers that are down, by ID. @type {{current: Map<number, PointerEvent>}} */
  const pointers = useRef(new Map());
  const isSplitting = useRef(false);

  /** @param {{clientX: number, clientY: number}} event */
  const locate = ({ clientX, clientY }) => {
    const panes = [...(stage.current?.querySelectorAll(".pane") ?? [])].map((each) => each.getBoundingClientRect());
    const box = panes.find((each) => clientX >= each.left && clientX <= each.right) ?? panes[0] ?? new DOMRect();
    return {
      x: clientX - box.left - box.width / 2,
      y: clientY - box.top - box.height / 2,
    };
  };
  /** @param {PointerEvent} event */
  const moveSplit = (event) => {
    const box = stage.current?.getBoundingClientRect() ?? new DOMRect();
    onSplit?.(Math.min(100, Math.max(0, ((event.clientX - box.left) / box.width) * 100)));
  };

  return {
    onPointerDown(/** @type {PointerEvent} */ event) {
      const target = /** @type {Element} */ (event.target);
      if (target.closest("button, select, label, a") || event.button > 0) return;
      pointers.current.set(event.pointerId, event);
      isSplitting.current = onSplit !== null && (!canPan || target.matches(".splitter, .split-line"));
      stage.current?.setPointerCapture(event.pointerId);
      if (isSplitting.current && pointers.current.size === 1) moveSplit(event);
      onHold?.(true);
    },
    onPointerMove(/** @type {PointerEvent} */ event) {
      const before = pointers.current.get(event.pointerId);
      if (!before) return;
      pointers.current.set(event.pointerId, event);
      const [first, second] = [...pointers.current.values()];
      if (first && second) {
        const other = first.pointerId === event.pointerId ? second : first;
        const center = {
          clientX: (event.clientX + other.clientX) / 2,
          clientY: (event.clientY + other.clientY) / 2,
        };
        onZoom(measure(event, other) / Math.max(1, measure(before, other)), locate(center));
      } else if (isSplitting.current) moveSplit(event);
      else onPan(event.clientX - before.clientX, event.clientY - before.clientY);
    },
    onPointerUp: release,
    onPointerCancel: release,
    onWheel: (/** @type {WheelEvent} */ event) => readWheel(event, (factor) => onZoom(factor, locate(event))),
  };

  /** @param {PointerEvent} event */
  function release(event) {
    pointers.current.delete(event.pointerId);
    if (!pointers.current.size) onHold?.(false);
  }
}

/** Zoom by the wheel. @param {WheelEvent} event @param {(factor: number) => void} onZoom */
export function readWheel(event, onZoom) {
  // Where the page itself scrolls, the wheel zooms only together with Ctrl, as pinching on a touchpad does.
  const scrolls = document.documentElement.scrollHeight > window.innerHeight + 1;
  if (scrolls && !event.ctrlKey) return;
  event.preventDefault();
  onZoom(Math.exp(-event.deltaY * WHEEL_SPEED));
}

/** Return the distance between two pointers. @param {PointerEvent} one @param {PointerEvent} other */
export function measure(one, other) {
  return Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
}
