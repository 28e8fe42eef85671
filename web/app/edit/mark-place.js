/** Where a watermark is: a gravity and a margin, which the API supports, for a place on the image. */

import { ANCHORS, fitSize, round } from "./sizes.js";

/**
 * @typedef {import("./sizes.js").Size} Size
 * @typedef {import("./sizes.js").Box} Box
 * @typedef {{gravity: string, margin: number}} Place `margin` is a share of the shorter side
 */

const MAX_MARGIN = 0.5;
const MARGIN_STEPS = 1000; // margins have three decimals
export const MIN_SCALE = 0.01;

/** Return the size of a mark of these proportions, as the worker draws it. @param {Size} size of the image @param {Size} mark @param {number} scale @returns {Size} */
export function computeMarkSize(size, mark, scale) {
  const box = { width: Math.max(1, round(size.width * scale)), height: Math.max(1, round(size.height * scale)) };
  return fitSize(mark, box, true);
}

/** Return where the worker draws a mark. @param {Size} size @param {Size} mark @param {Place} place @returns {Box} */
export function computeMarkBox(size, mark, { gravity, margin }) {
  const gap = round(Math.min(size.width, size.height) * margin);
  const [across, down] = ANCHORS[gravity] ?? [1, 1];
  const left = round((size.width - 2 * gap - mark.width) * across) + gap;
  const top = round((size.height - 2 * gap - mark.height) * down) + gap;
  const inside = {
    left: Math.max(0, Math.min(size.width - mark.width, left)),
    top: Math.max(0, Math.min(size.height - mark.height, top)),
  };
  return { ...inside, right: inside.left + mark.width, bottom: inside.top + mark.height };
}

/**
 * Return the gravity and the margin that put a mark closest to a place.
 * @param {Size} size @param {Size} mark @param {{x: number, y: number}} wanted upper left corner of the mark, pixels
 * @returns {Place}
 */
export function findPlace(size, mark, wanted) {
  const shorter = Math.min(size.width, size.height);
  const space = { x: size.width - mark.width, y: size.height - mark.height };
  /** @type {{place: Place, distance: number}|null} */
  let best = null;
  for (const [gravity, [across, down]] of Object.entries(ANCHORS)) {
    // Each side adds the margin in its direction. The best margin has the smallest sum of squares.
    const steps = [
      { direction: 1 - 2 * across, from: space.x * across, to: wanted.x },
      { direction: 1 - 2 * down, from: space.y * down, to: wanted.y },
    ];
    const moving = steps.filter((each) => each.direction !== 0);
    const mean = moving.reduce((sum, each) => sum + (each.to - each.from) * each.direction, 0) / (moving.length || 1);
    const margin = Math.round(Math.min(MAX_MARGIN, Math.max(0, mean / shorter)) * MARGIN_STEPS) / MARGIN_STEPS;
    const box = computeMarkBox(size, mark, { gravity, margin });
    const distance = Math.hypot(box.left - wanted.x, box.top - wanted.y);
    // Two gravities can mean the same place. The one with the smaller margin also suits images of other proportions.
    const isCloser = !best || distance < best.distance || (distance === best.distance && margin < best.place.margin);
    if (isCloser) best = { place: { gravity, margin }, distance };
  }
  return best?.place ?? { gravity: "center", margin: 0 };
}

/** Return the next gravity in a direction: -1, 0 or 1 for each axis. @param {string} gravity @param {number} across @param {number} down */
export function moveGravity(gravity, across, down) {
  const [x, y] = ANCHORS[gravity] ?? [1, 1];
  const next = [x + across / 2, y + down / 2].map((each) => Math.min(1, Math.max(0, each)));
  return Object.keys(ANCHORS).find((each) => ANCHORS[each]?.every((value, index) => value === next[index])) ?? gravity;
}
