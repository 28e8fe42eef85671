/** Draws the operations of a recipe on a canvas, at a reduced resolution. */

import { computeMarkBox, computeMarkSize } from "./mark-place.js";
import { computeCoverBox, computeCropBox, computeSizeAfter, fitSize, placeBox } from "./sizes.js";
import { adjustColors, turnGray } from "./tones.js";

/**
 * @typedef {import("./sizes.js").Size} Size
 * @typedef {import("./sizes.js").Box} Box
 * @typedef {HTMLCanvasElement} Canvas
 * @typedef {{canvas: Canvas, size: Size}} Drawing `size` is that of the real image; the canvas has fewer pixels
 * @typedef {(operation: Record<string, any>) => Canvas|null} LoadMark returns the mark of a watermark, or null while it loads
 */

/** Longest side of a canvas. */
export const MAX_SIDE = 2048;
const TRANSPARENT = "#00000000";
const OPAQUE_FORMATS = ["jpeg", "bmp"];

/**
 * Draw the operations. Operations that cannot be drawn are left out and named.
 * @param {Drawing} source @param {Array<Record<string, any>>} operations @param {LoadMark} loadMark
 * @returns {Drawing & {missing: string[]}}
 */
export function drawOperations(source, operations, loadMark) {
  /** @type {string[]} */
  const missing = [];
  let drawing = source;
  for (const operation of operations) {
    const draw = PAINTERS[operation.op];
    const isUnknown = !draw || (operation.op === "crop" && operation.gravity === "entropy");
    if (isUnknown) missing.push(operation.op);
    if (draw) drawing = draw(drawing, operation, loadMark);
  }
  return { ...drawing, missing };
}

/** Fill the transparent parts as a format without transparency does. @param {Drawing} drawing @param {Record<string, any>} output @returns {Drawing} */
export function drawOutput(drawing, output) {
  if (!OPAQUE_FORMATS.includes(output.format)) return drawing;
  return fillBackground(drawing, { color: output.background ?? "#ffffff" });
}

/** Draw an image that the browser has decoded, upright. @param {CanvasImageSource} image @param {Size} size @returns {Drawing} */
export function drawImage(image, size) {
  const { canvas, context } = createCanvas(size);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return { canvas, size };
}

/** Return the size of the canvas for an image of this size. @param {Size} size @param {number} [limit] @returns {Size} */
export function fitCanvas({ width, height }, limit = MAX_SIDE) {
  const scale = Math.min(1, limit / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Return an empty canvas for an image of this size. @param {Size} size @param {number} [limit] */
function createCanvas(size, limit = MAX_SIDE) {
  const canvas = Object.assign(document.createElement("canvas"), fitCanvas(size, limit));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.imageSmoothingQuality = "high";
  return { canvas, context };
}

/**
 * Draw a part of a drawing onto a part of a new canvas. Both are in pixels of the real images.
 * @param {Drawing} from @param {Box} part @param {Size} size of the new image @param {Box} target @param {string} [background]
 * @returns {Drawing}
 */
function place(from, part, size, target, background = TRANSPARENT) {
  const { canvas, context } = createCanvas(size);
  context.fillStyle = background;
  if (background !== TRANSPARENT) context.fillRect(0, 0, canvas.width, canvas.height);
  const read = from.canvas.width / from.size.width;
  const write = canvas.width / size.width;
  context.drawImage(
    from.canvas,
    part.left * read,
    part.top * read,
    (part.right - part.left) * read,
    (part.bottom - part.top) * read,
    target.left * write,
    target.top * write,
    (target.right - target.left) * write,
    (target.bottom - target.top) * write,
  );
  return { canvas, size };
}

/** @param {Size} size @returns {Box} */
const whole = ({ width, height }) => ({ left: 0, top: 0, right: width, bottom: height });

/** @param {Drawing} drawing @param {Record<string, any>} resize */
function drawResize(drawing, resize) {
  const size = computeSizeAfter(drawing.size, resize);
  const { fit, gravity, enlarge = false, background } = resize;
  if (fit === "contain") {
    const fitted = fitSize(drawing.size, size, enlarge);
    return place(drawing, whole(drawing.size), size, placeBox(size, fitted, gravity), background);
  }
  const part = fit === "cover" ? computeCoverBox(drawing.size, size, gravity) : whole(drawing.size);
  return place(drawing, part, size, whole(size));
}

/** @param {Drawing} drawing @param {Record<string, any>} crop */
function drawCrop(drawing, crop) {
  const box = computeCropBox(drawing.size, crop);
  const size = computeSizeAfter(drawing.size, crop);
  return box ? place(drawing, box, size, whole(size)) : drawing;
}

/** @param {Drawing} drawing @param {Record<string, any>} rotate */
function drawRotate(drawing, rotate) {
  const size = computeSizeAfter(drawing.size, rotate);
  const { canvas, context } = createCanvas(size);
  const { angle = 0, background = TRANSPARENT } = rotate;
  if (background !== TRANSPARENT && angle % 90 !== 0) {
    context.fillStyle = background;
    context.fillRect(0, 0, canvas.width, canvas.height);
  }
  const scale = canvas.width / size.width;
  context.translate(canvas.width / 2, canvas.height / 2);
  const [across = 1, down = 0] = turn(angle);
  context.transform(across, down, -down, across, 0, 0);
  const width = drawing.size.width * scale;
  const height = drawing.size.height * scale;
  context.drawImage(drawing.canvas, -width / 2, -height / 2, width, height);
  return { canvas, size };
}

/** Return cosine and sine of an angle, without rounding errors for multiples of 90 degrees. @param {number} angle */
function turn(angle) {
  const values = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
  return angle % 90 === 0 ? values.map(Math.round) : values;
}

/** @param {Drawing} drawing @param {Record<string, any>} flip */
function drawFlip({ canvas: from, size }, { direction = "horizontal" }) {
  const { canvas, context } = createCanvas(size);
  const across = direction === "vertical" ? 1 : -1;
  const down = direction === "horizontal" ? 1 : -1;
  context.translate(across < 0 ? canvas.width : 0, down < 0 ? canvas.height : 0);
  context.scale(across, down);
  context.drawImage(from, 0, 0, canvas.width, canvas.height);
  return { canvas, size };
}

/** @param {Drawing} drawing @param {Record<string, any>} pad */
function drawPad(drawing, pad) {
  const size = computeSizeAfter(drawing.size, pad);
  const { left = 0, top = 0, background } = pad;
  const target = { left, top, right: left + drawing.size.width, bottom: top + drawing.size.height };
  return place(drawing, whole(drawing.size), size, target, background);
}

/** @param {Drawing} drawing @param {Record<string, any>} background */
function fillBackground(drawing, { color = "#ffffff" }) {
  return place(drawing, whole(drawing.size), drawing.size, whole(drawing.size), color);
}

/** @param {Drawing} drawing @param {Record<string, any>} corners */
function drawCorners({ canvas: from, size }, { unit = "pixel", radius = 0 }) {
  const { canvas, context } = createCanvas(size);
  const shorter = Math.min(size.width, size.height);
  const pixels = Math.min(shorter / 2, unit === "relative" ? radius * shorter : radius);
  context.beginPath();
  context.roundRect(0, 0, canvas.width, canvas.height, (pixels * canvas.width) / size.width);
  context.clip();
  context.drawImage(from, 0, 0, canvas.width, canvas.height);
  return { canvas, size };
}

/** @param {Drawing} drawing @param {Record<string, any>} operation @param {LoadMark} loadMark */
function drawWatermark(drawing, operation, loadMark) {
  const loaded = loadMark(operation);
  if (!loaded) return drawing;
  const { scale = 0.25, opacity = 0.5, gravity = "bottom-right", margin = 0.02, tile = false } = operation;
  const { size } = drawing;
  const { canvas, context } = createCanvas(size);
  const factor = canvas.width / size.width;
  const mark = computeMarkSize(size, loaded, scale);
  const gap = Math.round(Math.min(size.width, size.height) * margin);
  const start = computeMarkBox(size, mark, { gravity, margin });
  context.drawImage(drawing.canvas, 0, 0, canvas.width, canvas.height);
  context.globalAlpha = opacity;
  const draw = (/** @type {number} */ left, /** @type {number} */ top) =>
    context.drawImage(loaded, left * factor, top * factor, mark.width * factor, mark.height * factor);
  if (!tile) draw(start.left, start.top);
  else {
    for (let top = Math.floor(gap / 2); top < size.height; top += mark.height + gap)
      for (let left = Math.floor(gap / 2); left < size.width; left += mark.width + gap) draw(left, top);
  }
  return { canvas, size };
}

/** @type {Record<string, (drawing: Drawing, operation: Record<string, any>, loadMark: LoadMark) => Drawing>} */
const PAINTERS = {
  resize: drawResize,
  crop: drawCrop,
  rotate: drawRotate,
  flip: drawFlip,
  pad: drawPad,
  background: fillBackground,
  round_corners: drawCorners,
  grayscale: turnGray,
  adjust: adjustColors,
  watermark: drawWatermark,
};
