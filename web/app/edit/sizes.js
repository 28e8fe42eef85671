/** Image sizes and crop boxes after each operation: the same numbers as shared/pipeline/sizes.py, which a test compares. */

/**
 * @typedef {{width: number, height: number}} Size pixels
 * @typedef {{left: number, top: number, right: number, bottom: number}} Box pixels; `right` and `bottom` are exclusive
 * @typedef {Record<string, any>} Operation
 */

/** For each position: the shares of the free space to the left and above. @type {Record<string, [number, number]>} */
export const ANCHORS = {
  "top-left": [0, 0],
  top: [0.5, 0],
  "top-right": [1, 0],
  left: [0, 0.5],
  center: [0.5, 0.5],
  right: [1, 0.5],
  "bottom-left": [0, 1],
  bottom: [0.5, 1],
  "bottom-right": [1, 1],
};

/** Round half to even, as Python does. @param {number} value */
export function round(value) {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Return the size after an operation. A trim depends on the content: the largest possible size. @param {Size} size @param {Operation} operation @returns {Size} */
export function computeSizeAfter(size, operation) {
  const measure = MEASURES[operation.op];
  return measure ? measure(size, operation) : size;
}

/**
 * Return the largest size at which an image of the same proportions fits into a box.
 * @param {Size} size @param {{width?: number|null, height?: number|null}} box a side without a value sets no limit
 * @param {boolean} enlarge @returns {Size}
 */
export function fitSize(size, box, enlarge) {
  const limit = Math.min(
    box.width ? box.width / size.width : Infinity,
    box.height ? box.height / size.height : Infinity,
  );
  const scale = enlarge ? limit : Math.min(limit, 1);
  return { width: Math.max(1, round(size.width * scale)), height: Math.max(1, round(size.height * scale)) };
}

/**
 * Return the box of a crop, or null if it starts outside the image.
 * @param {Size} size @param {Operation} crop @returns {Box|null}
 */
export function computeCropBox(size, crop) {
  const isRelative = crop.unit === "relative";
  const unit = isRelative ? size : { width: 1, height: 1 };
  if (typeof crop.x !== "number" || typeof crop.y !== "number") {
    const inner = {
      width: Math.min(size.width, Math.max(1, round(crop.width * unit.width))),
      height: Math.min(size.height, Math.max(1, round(crop.height * unit.height))),
    };
    return placeBox(size, inner, crop.gravity);
  }
  let left = round(crop.x * unit.width);
  let top = round(crop.y * unit.height);
  if (isRelative && crop.x < 1) left = Math.min(left, size.width - 1);
  if (isRelative && crop.y < 1) top = Math.min(top, size.height - 1);
  if (left >= size.width || top >= size.height) return null;
  const right = round((crop.x + crop.width) * unit.width);
  const bottom = round((crop.y + crop.height) * unit.height);
  return {
    left,
    top,
    right: Math.min(size.width, Math.max(right, left + 1)),
    bottom: Math.min(size.height, Math.max(bottom, top + 1)),
  };
}

/** Return a box that is aligned by gravity. It may extend beyond the image. @param {Size} size @param {Size} inner @param {string} [gravity] @returns {Box} */
export function placeBox(size, inner, gravity = "center") {
  const [across, down] = ANCHORS[gravity] ?? [0.5, 0.5];
  const left = round((size.width - inner.width) * across);
  const top = round((size.height - inner.height) * down);
  return { left, top, right: left + inner.width, bottom: top + inner.height };
}

/** Return the part of an image that `cover` scales to its target. Its edges are no whole pixels. @param {Size} size @param {Size} target @param {string} [gravity] @returns {Box} */
export function computeCoverBox(size, target, gravity = "center") {
  const scale = Math.max(target.width / size.width, target.height / size.height);
  const width = Math.min(size.width, target.width / scale);
  const height = Math.min(size.height, target.height / scale);
  const [across, down] = ANCHORS[gravity] ?? [0.5, 0.5];
  const left = (size.width - width) * across;
  const top = (size.height - height) * down;
  return { left, top, right: left + width, bottom: top + height };
}

/** @param {Size} size @param {Operation} resize @returns {Size} */
function computeResized(size, resize) {
  const { fit = "inside", enlarge = false } = resize;
  if (fit === "inside") return fitSize(size, resize, enlarge);
  const box = { width: resize.width || size.width, height: resize.height || size.height };
  if (enlarge || fit === "contain") return box;
  return { width: Math.min(box.width, size.width), height: Math.min(box.height, size.height) };
}

/** @param {Size} size @param {Operation} crop @returns {Size} */
function computeCropped(size, crop) {
  const box = computeCropBox(size, crop);
  return box ? { width: box.right - box.left, height: box.bottom - box.top } : size;
}

/** @param {Size} size @param {Operation} rotate @returns {Size} */
function computeRotated(size, { angle = 0, expand = true }) {
  if (!expand) return size;
  if (angle % 180 === 0) return size;
  if (angle % 90 === 0) return { width: size.height, height: size.width };
  const across = Math.abs(Math.cos((angle * Math.PI) / 180));
  const down = Math.abs(Math.sin((angle * Math.PI) / 180));
  return {
    width: Math.ceil(size.width * across + size.height * down - 1e-6),
    height: Math.ceil(size.width * down + size.height * across - 1e-6),
  };
}

/** @param {Size} size @param {Operation} pad @returns {Size} */
function computePadded(size, { top = 0, right = 0, bottom = 0, left = 0 }) {
  return { width: size.width + left + right, height: size.height + top + bottom };
}

/** @type {Record<string, (size: Size, operation: Operation) => Size>} */
const MEASURES = { resize: computeResized, crop: computeCropped, rotate: computeRotated, pad: computePadded };
