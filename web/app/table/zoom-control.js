/** Changes of zoom and pan, which a signal holds: by a factor, to a scale, by pixels, and by keys. */

import { computeFit, FITTED, limitPan, zoomBy } from "./zoom.js";

const KEY_ZOOM = 1.25;
const CENTER = { x: 0, y: 0 };

/**
 * @param {import("./stage.js").ZoomSignal} view @param {import("./zoom.js").Size} image @param {import("./zoom.js").Size} pane
 * @returns {{change: (factor: number, point?: import("./zoom.js").Point) => void, zoomTo: (scale: number) => void, fit: () => void,
 *   pan: (x: number, y: number) => void, keys: Record<string, () => void>}} `scale` in CSS pixels per pixel of the image
 */
export function controlZoom(view, image, pane) {
  const change = (/** @type {number} */ factor, point = CENTER) =>
    void (view.value = zoomBy(view.peek(), factor, point, image, pane));
  const zoomTo = (/** @type {number} */ scale) => change(scale / (computeFit(image, pane) * view.peek().zoom));
  const fit = () => void (view.value = FITTED);
  const pan = (/** @type {number} */ x, /** @type {number} */ y) => {
    const now = view.peek();
    view.value = limitPan({ ...now, x: now.x + x, y: now.y + y }, image, pane);
  };
  const keys = {
    "+": () => change(KEY_ZOOM),
    "=": () => change(KEY_ZOOM),
    "-": () => change(1 / KEY_ZOOM),
    0: fit,
    1: () => zoomTo(1),
    2: () => zoomTo(2),
  };
  return { change, zoomTo, fit, pan, keys };
}
