/** Zoom and pan of the stage, as pure functions. */

/**
 * @typedef {{width: number, height: number}} Size
 * @typedef {{x: number, y: number}} Point CSS pixels from the center of the pane
 * @typedef {{zoom: number, x: number, y: number, fit?: number}} Zoom
 *   `zoom` is a factor of the fitted size, `fit` the scale of that size; the offset is in CSS pixels
 */

/** @type {Zoom} */
export const FITTED = { zoom: 1, x: 0, y: 0 };
const MAX_FIT = 3; // small images are enlarged at most this much
const MIN_SCALE = 0.1;
const MAX_SCALE = 16;

/** Return the scale at which an image fits into a pane, in CSS pixels per image pixel. @param {Size} image @param {Size} pane */
export function computeFit(image, pane) {
  return Math.min(pane.width / image.width, pane.height / image.height, MAX_FIT);
}

/**
 * Zoom by a factor. The point of the image below `point` stays there.
 * @param {Zoom} now @param {number} factor @param {Point} point @param {Size} image @param {Size} pane @returns {Zoom}
 */
export function zoomBy(now, factor, point, image, pane) {
  const fit = computeFit(image, pane);
  const zoom = clamp(now.zoom * factor, Math.min(1, MIN_SCALE / fit), Math.max(1, MAX_SCALE / fit));
  const change = zoom / now.zoom;
  return limitPan(
    {
      zoom,
      x: point.x - (point.x - now.x) * change,
      y: point.y - (point.y - now.y) * change,
    },
    image,
    pane,
  );
}

/** Keep the image in the pane: no margin while the image is larger, centered while it is smaller. @param {Zoom} now @param {Size} image @param {Size} pane @returns {Zoom} */
export function limitPan({ zoom, x, y }, image, pane) {
  const fit = computeFit(image, pane);
  const scale = fit * zoom;
  const spareX = Math.max(0, (image.width * scale - pane.width) / 2);
  const spareY = Math.max(0, (image.height * scale - pane.height) / 2);
  return { zoom, x: clamp(x, 0 - spareX, spareX), y: clamp(y, 0 - spareY, spareY), fit };
}

/** Keep the scale in a pane of another size. An image that was fitted is fitted again. @param {Zoom} now @param {Size} image @param {Size} pane @returns {Zoom} */
export function refit(now, image, pane) {
  const fit = computeFit(image, pane);
  const zoom = now.zoom === 1 || !now.fit ? now.zoom : (now.zoom * now.fit) / fit;
  return limitPan({ ...now, zoom }, image, pane);
}

/** @param {number} value @param {number} min @param {number} max */
function clamp(value, min, max) {
  return Math.min(Math.max(value, min), max);
}
