/** Zoom and pan while an operation is edited on the stage: wheel, pinch, keys, buttons, and dragging. */

import { useLayoutEffect, useRef } from "../vendor/preact.js";
import { measure, readWheel } from "../table/gestures.js";
import { computeFit, refit } from "../table/zoom.js";
import { controlZoom } from "../table/zoom-control.js";

const MIDDLE_BUTTON = 1;
const UNKNOWN = { width: 1, height: 1 };

/** @typedef {import("../table/zoom.js").Size} Size */

/**
 * @param {{stage: {current: HTMLElement|null}, view: import("../table/stage.js").ZoomSignal, size: Size|null, pane: Size}} options
 *   `size` is that of the image, and `pane` the space into which it is fitted
 * @returns {{scale: number, place: Record<string, string>, zoomTo: (scale: number) => void, fit: () => void,
 *   reveal: (element: Element) => void, readKey: (key: string) => boolean, handlers: Record<string, (event: any) => void>}}
 *   `scale` in CSS pixels per pixel of the image; `place` is the style of the frame that shows it
 */
export function useToolView({ stage, view, size, pane }) {
  const image = size ?? UNKNOWN;
  const zoom = view.value;
  const scale = Math.max(0.001, computeFit(image, pane) * zoom.zoom);
  /** The pointers that are down, by ID. @type {{current: Map<number, PointerEvent>}} */
  const pointers = useRef(new Map());
  const panning = useRef(-1);
  const isSpaceDown = useRef(false);
  useLayoutEffect(() => {
    if (size && pane.width > 0) view.value = refit(view.peek(), image, pane);
  }, [image.width, image.height, pane]);

  const { change, pan, zoomTo, fit, keys } = controlZoom(view, image, pane);
  const getBounds = () => stage.current?.getBoundingClientRect() ?? new DOMRect();
  const locate = (/** @type {{clientX: number, clientY: number}} */ { clientX, clientY }) => {
    const bounds = getBounds();
    return { x: clientX - bounds.left - bounds.width / 2, y: clientY - bounds.top - bounds.height / 2 };
  };
  const startPan = (/** @type {PointerEvent} */ event) => {
    event.preventDefault();
    event.stopPropagation();
    panning.current = event.pointerId;
    /** @type {Element} */ (event.currentTarget).setPointerCapture(event.pointerId);
  };
  const release = (/** @type {PointerEvent} */ event) => {
    if (!event.isTrusted) return; // `startPinch` has sent it
    pointers.current.delete(event.pointerId);
    if (panning.current === event.pointerId) panning.current = -1;
  };

  return {
    scale,
    place: {
      width: `${image.width * scale}px`,
      height: `${image.height * scale}px`,
      transform: `translate(${zoom.x}px, ${zoom.y}px)`,
    },
    zoomTo,
    fit,
    reveal(element) {
      const bounds = getBounds();
      const { left, right, top, bottom } = element.getBoundingClientRect();
      pan(
        measureOverlap(bounds.left, bounds.right, left, right),
        measureOverlap(bounds.top, bounds.bottom, top, bottom),
      );
    },
    readKey(key) {
      keys[key]?.();
      return key in keys;
    },
    handlers: {
      onKeyDownCapture: (/** @type {KeyboardEvent} */ { key }) => void (isSpaceDown.current ||= key === " "),
      onKeyUpCapture: (/** @type {KeyboardEvent} */ { key }) => void (isSpaceDown.current &&= key !== " "),
      onPointerDownCapture(/** @type {PointerEvent} */ event) {
        const [first] = pointers.current.values();
        pointers.current.set(event.pointerId, event);
        if (first && pointers.current.size === 2) startPinch(first, event);
        else if (event.button === MIDDLE_BUTTON || (event.button === 0 && isSpaceDown.current)) startPan(event);
      },
      // Only what drags neither the box nor the mark comes here.
      onPointerDown(/** @type {PointerEvent} */ event) {
        const isControl = /** @type {Element} */ (event.target).closest("button, .tool-bar");
        if (event.button === 0 && !isControl) startPan(event);
      },
      onPointerMoveCapture(/** @type {PointerEvent} */ event) {
        const before = pointers.current.get(event.pointerId);
        if (!before) return;
        pointers.current.set(event.pointerId, event);
        const other = [...pointers.current.values()].find((each) => each.pointerId !== event.pointerId);
        if (!other && panning.current !== event.pointerId) return;
        event.stopPropagation();
        const by = { x: event.clientX - before.clientX, y: event.clientY - before.clientY };
        if (!other) return pan(by.x, by.y);
        const center = {
          clientX: (event.clientX + other.clientX) / 2,
          clientY: (event.clientY + other.clientY) / 2,
        };
        pan(by.x / 2, by.y / 2); // the center of both fingers moves by half
        change(measure(event, other) / Math.max(1, measure(before, other)), locate(center));
      },
      onPointerUpCapture: release,
      onPointerCancelCapture: release,
      onWheel: (/** @type {WheelEvent} */ event) => readWheel(event, (factor) => change(factor, locate(event))),
    },
  };
}

/** Two fingers zoom: what the first one has begun to drag is dropped. @param {PointerEvent} first @param {PointerEvent} second */
function startPinch(first, second) {
  second.stopPropagation();
  first.target?.dispatchEvent(new PointerEvent("pointercancel", { pointerId: first.pointerId, bubbles: true }));
}

/** Return how far something has to move to be between two edges. @param {number} start @param {number} end @param {number} from @param {number} to */
function measureOverlap(start, end, from, to) {
  if (from < start) return start - from;
  return to > end ? end - to : 0;
}
