/** How a crop box moves and changes its size, in pixels of the image. */

import { computeCropBox } from "./sizes.js";

/**
 * @typedef {import("./sizes.js").Size} Size
 * @typedef {import("./sizes.js").Box} Box
 * @typedef {"nw"|"n"|"ne"|"e"|"se"|"s"|"sw"|"w"} Handle
 * @typedef {{x: number, y: number}} Point pixels of the image
 */

/** @type {Handle[]} */
export const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
/** Proportions that a crop can be kept at. `original` are those of the image; `free` sets none. */
export const RATIOS = ["free", "original", "1:1", "4:3", "3:2", "16:9"];
const DIGITS = 1e6;

/** Return width divided by height, or null for any proportions. @param {string} name @param {Size} size of the image @returns {number|null} */
export function readRatio(name, size) {
  if (name === "original") return size.width / size.height;
  const [across, down] = name.split(":").map(Number);
  if (!across || !down) return null;
  return size.height > size.width ? down / across : across / down; // as the image: upright or wide
}

/** Move a box within the image. @param {Box} box @param {Point} by @param {Size} size @returns {Box} */
export function moveBox(box, by, size) {
  const left = clamp(Math.round(box.left + by.x), 0, size.width - (box.right - box.left));
  const top = clamp(Math.round(box.top + by.y), 0, size.height - (box.bottom - box.top));
  return { left, top, right: left + box.right - box.left, bottom: top + box.bottom - box.top };
}

/**
 * Drag an edge or a corner. The opposite one stays where it is, and the box stays in the image.
 * @param {Box} box @param {Handle} handle @param {Point} by @param {Size} size @param {number|null} ratio @returns {Box}
 */
export function resizeBox(box, handle, by, size, ratio) {
  const across = handle.includes("w") ? -1 : handle.includes("e") ? 1 : 0;
  const down = handle.includes("n") ? -1 : handle.includes("s") ? 1 : 0;
  const width = box.right - box.left + across * by.x;
  const height = box.bottom - box.top + down * by.y;
  const wanted = ratio === null ? { width, height } : keepRatio({ width, height }, across, down, ratio);
  // The sides of the box that do not move, and the space on the other side of them.
  const anchor = {
    x: across < 0 ? box.right : across > 0 ? box.left : (box.left + box.right) / 2,
    y: down < 0 ? box.bottom : down > 0 ? box.top : (box.top + box.bottom) / 2,
  };
  const space = {
    width: measureSpace(anchor.x, across, size.width),
    height: measureSpace(anchor.y, down, size.height),
  };
  return placeAt(anchor, across, down, limitSize(wanted, space, ratio), size);
}

/** Give a box other proportions: the same area and center, as far as the image allows. @param {Box} box @param {number} ratio @param {Size} size @returns {Box} */
export function applyRatio(box, ratio, size) {
  const area = (box.right - box.left) * (box.bottom - box.top);
  const width = Math.sqrt(area * ratio);
  const limited = limitSize({ width, height: width / ratio }, size, ratio);
  const center = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
  return placeAt(center, 0, 0, limited, size);
}

/** Return the parameters of a crop operation that cuts exactly this box. @param {Box} box @param {Size} size @param {string} [unit] */
export function toCrop(box, size, unit = "pixel") {
  const pixels = { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top };
  const place = { gravity: "center" }; // the API takes a position or a gravity
  if (unit !== "relative") return { ...pixels, ...place };
  const share = (/** @type {number} */ value, /** @type {number} */ whole) =>
    Math.round((value / whole) * DIGITS) / DIGITS;
  const x = share(box.left, size.width);
  const y = share(box.top, size.height);
  // Down, so that a sum is never more than 1.
  const width = Math.round((share(box.right, size.width) - x) * DIGITS) / DIGITS;
  const height = Math.round((share(box.bottom, size.height) - y) * DIGITS) / DIGITS;
  return { x, y, width, height, ...place };
}

/** Return the box of a crop, or the whole image if the crop is incomplete or outside. @param {Size} size @param {Record<string, any>} crop @returns {Box} */
export function readBox(size, crop) {
  const box = crop.width > 0 && crop.height > 0 ? computeCropBox(size, crop) : null;
  return box ?? { left: 0, top: 0, right: size.width, bottom: size.height };
}

/** Describe a box: `3840 × 2880 at 80, 60`. @param {Box} box */
export function describeBox({ left, top, right, bottom }) {
  return `${right - left} × ${bottom - top} at ${left}, ${top}`;
}

/** @param {Size} wanted @param {number} across @param {number} down @param {number} ratio @returns {Size} */
function keepRatio({ width, height }, across, down, ratio) {
  if (across === 0) return { width: height * ratio, height };
  if (down === 0) return { width, height: width / ratio };
  return width / ratio > height ? { width, height: width / ratio } : { width: height * ratio, height };
}

/** Return how long a side can become from its anchor. @param {number} anchor @param {number} direction @param {number} whole */
function measureSpace(anchor, direction, whole) {
  if (direction < 0) return anchor;
  return direction > 0 ? whole - anchor : 2 * Math.min(anchor, whole - anchor);
}

/** @param {Size} wanted @param {Size} space @param {number|null} ratio @returns {Size} */
function limitSize(wanted, space, ratio) {
  const width = Math.max(1, wanted.width);
  const height = Math.max(1, wanted.height);
  if (ratio === null) return { width: Math.min(width, space.width), height: Math.min(height, space.height) };
  const limited = Math.min(width, space.width, space.height * ratio);
  return { width: limited, height: limited / ratio };
}

/** Place a box of whole pixels at its anchor. @param {Point} anchor @param {number} across @param {number} down @param {Size} wanted @param {Size} size @returns {Box} */
function placeAt(anchor, across, down, wanted, size) {
  const width = clamp(Math.round(wanted.width), 1, size.width);
  const height = clamp(Math.round(wanted.height), 1, size.height);
  const left = anchor.x - (across < 0 ? width : across > 0 ? 0 : width / 2);
  const top = anchor.y - (down < 0 ? height : down > 0 ? 0 : height / 2);
  return moveBox({ left: 0, top: 0, right: width, bottom: height }, { x: left, y: top }, size);
}

/** @param {number} value @param {number} min @param {number} max */
function clamp(value, min, max) {
  return Math.min(Math.max(value, min), max);
}
