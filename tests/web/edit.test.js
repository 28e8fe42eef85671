/** Tests of crops, watermarks and their sizes, in pixels of the image. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { nameAsset } from "../../web/app/edit/asset-names.js";
import {
  applyRatio,
  describeBox,
  HANDLES,
  moveBox,
  RATIOS,
  readBox,
  readRatio,
  resizeBox,
  toCrop,
} from "../../web/app/edit/crop-box.js";
import { computeMarkBox, computeMarkSize, findPlace, moveGravity } from "../../web/app/edit/mark-place.js";
import { ANCHORS, computeCropBox, computeSizeAfter, round } from "../../web/app/edit/sizes.js";
import { computeLuma, createCurve } from "../../web/app/edit/tones.js";

const PHOTO = { width: 4000, height: 3000 };
const UPRIGHT = { width: 3000, height: 4000 };
const MIDDLE = { left: 1000, top: 1000, right: 2000, bottom: 1800 };

/** Random numbers that are the same in every run. @param {number} seed */
function createRandom(seed) {
  let state = seed;
  return (/** @type {number} */ limit) => {
    state = (state * 48271) % 2147483647;
    return state % limit;
  };
}

/** A file with sizes that the worker computes; tests/web/test_modules.py writes it. */
const { SIZES } = process.env;

test("sizes and crop boxes are those of the worker", { skip: !SIZES }, () => {
  const cases = JSON.parse(readFileSync(SIZES, "utf-8"));
  assert.ok(cases.length >= 200);
  for (const { size, operation, after, box } of cases) {
    assert.deepEqual(computeSizeAfter(size, operation), after, JSON.stringify({ size, operation }));
    if (operation.op === "crop") assert.deepEqual(computeCropBox(size, operation), box, JSON.stringify(operation));
  }
});

test("numbers are rounded as in Python", () => {
  assert.deepEqual([0.5, 1.5, 2.5, 2.4, 2.6, -1.5].map(round), [0, 2, 2, 2, 3, -2]);
});

test("a crop that is moved stays in the image", () => {
  assert.deepEqual(moveBox(MIDDLE, { x: 10, y: -20 }, PHOTO), { left: 1010, top: 980, right: 2010, bottom: 1780 });
  assert.deepEqual(moveBox(MIDDLE, { x: 9000, y: -9000 }, PHOTO), { left: 3000, top: 0, right: 4000, bottom: 800 });
});

test("a corner that is dragged leaves the opposite corner where it is", () => {
  const dragged = resizeBox(MIDDLE, "se", { x: 100, y: 50 }, PHOTO, null);
  assert.deepEqual(dragged, { left: 1000, top: 1000, right: 2100, bottom: 1850 });
  assert.deepEqual(resizeBox(MIDDLE, "n", { x: 70, y: 200 }, PHOTO, null), { ...MIDDLE, top: 1200 });
  assert.deepEqual(resizeBox(MIDDLE, "w", { x: 5000, y: 0 }, PHOTO, null), { ...MIDDLE, left: 1999 });
});

test("a crop with a ratio keeps it, and stays in the image", () => {
  const square = resizeBox(MIDDLE, "se", { x: 500, y: 0 }, PHOTO, 1);
  assert.deepEqual(square, { left: 1000, top: 1000, right: 2500, bottom: 2500 });
  const limited = resizeBox(MIDDLE, "se", { x: 9000, y: 9000 }, PHOTO, 1);
  assert.deepEqual(limited, { left: 1000, top: 1000, right: 3000, bottom: 3000 });
  const edge = resizeBox(MIDDLE, "e", { x: 600, y: 0 }, PHOTO, 2);
  assert.deepEqual(edge, { left: 1000, top: 1000, right: 2600, bottom: 1800 });
});

test("any drag leaves a box of at least one pixel within the image, with its ratio", () => {
  const random = createRandom(7);
  for (let run = 0; run < 3000; run += 1) {
    const size = { width: 1 + random(500), height: 1 + random(500) };
    const left = random(size.width);
    const top = random(size.height);
    const box = {
      left,
      top,
      right: left + 1 + random(size.width - left),
      bottom: top + 1 + random(size.height - top),
    };
    const handle = HANDLES[random(HANDLES.length)];
    const ratio = readRatio(RATIOS[random(RATIOS.length)], size);
    const by = { x: random(1200) - 600 + random(10) / 10, y: random(1200) - 600 };
    for (const next of [resizeBox(box, handle, by, size, ratio), applyRatio(box, ratio ?? 1, size)]) {
      const what = JSON.stringify({ size, box, handle, by, ratio, next });
      assert.ok(next.left >= 0 && next.top >= 0 && next.right <= size.width && next.bottom <= size.height, what);
      assert.ok(next.right - next.left >= 1 && next.bottom - next.top >= 1, what);
      assert.ok(Object.values(next).every(Number.isInteger), what);
      for (const unit of ["pixel", "relative"])
        assert.deepEqual(readBox(size, { unit, ...toCrop(next, size, unit) }), next, what);
    }
    const kept = resizeBox(box, handle, by, size, ratio);
    const [width, height] = [kept.right - kept.left, kept.bottom - kept.top];
    if (ratio) assert.ok(Math.abs(width - height * ratio) <= Math.max(1, ratio), JSON.stringify({ kept, ratio }));
  }
});

test("ratios are wide in a wide image and upright in an upright one", () => {
  assert.equal(readRatio("16:9", PHOTO), 16 / 9);
  assert.equal(readRatio("16:9", UPRIGHT), 9 / 16);
  assert.equal(readRatio("original", UPRIGHT), 0.75);
  assert.equal(readRatio("free", PHOTO), null);
});

test("another ratio keeps the area and the center of a crop", () => {
  const square = applyRatio(MIDDLE, 1, PHOTO);
  assert.deepEqual(square, { left: 1053, top: 953, right: 1947, bottom: 1847 });
  const whole = { left: 0, top: 0, right: 4000, bottom: 3000 };
  assert.deepEqual(applyRatio(whole, 1, PHOTO), { left: 500, top: 0, right: 3500, bottom: 3000 });
});

test("a crop is described by its size and place", () => {
  assert.equal(describeBox({ left: 80, top: 60, right: 3920, bottom: 2940 }), "3840 × 2880 at 80, 60");
  assert.deepEqual(readBox(PHOTO, { width: 100, height: 100, x: 9000, y: 0 }), {
    left: 0,
    top: 0,
    right: 4000,
    bottom: 3000,
  });
});

test("a watermark that is dragged to where it is drawn keeps its place", () => {
  for (const gravity of Object.keys(ANCHORS)) {
    for (const margin of gravity === "center" ? [0] : [0, 0.02, 0.1, 0.2]) {
      const mark = computeMarkSize(PHOTO, { width: 300, height: 100 }, 0.25);
      const box = computeMarkBox(PHOTO, mark, { gravity, margin });
      const found = findPlace(PHOTO, mark, { x: box.left, y: box.top });
      assert.deepEqual(computeMarkBox(PHOTO, mark, found), box, gravity);
      assert.equal(found.gravity, gravity);
    }
  }
});

test("a watermark fits into its share of the image, and never leaves the image", () => {
  assert.deepEqual(computeMarkSize(PHOTO, { width: 300, height: 100 }, 0.25), { width: 1000, height: 333 });
  const large = { width: 3900, height: 2900 };
  assert.deepEqual(computeMarkBox(PHOTO, large, { gravity: "bottom-right", margin: 0.5 }), {
    left: 0,
    top: 0,
    right: 3900,
    bottom: 2900,
  });
  assert.deepEqual(findPlace(PHOTO, { width: 100, height: 100 }, { x: 1e6, y: 1e6 }), {
    gravity: "bottom-right",
    margin: 0,
  });
});

test("arrow keys move a watermark to the next of nine places", () => {
  assert.equal(moveGravity("bottom-right", -1, 0), "bottom");
  assert.equal(moveGravity("bottom", 0, -1), "center");
  assert.equal(moveGravity("top-left", -1, 0), "top-left");
});

test("assets get free names that the API accepts", () => {
  assert.equal(nameAsset("Ünser Logo (final).PNG", []), "nser-logo-final");
  assert.equal(nameAsset("logo.png", ["logo", "logo-2"]), "logo-3");
  assert.equal(nameAsset("日本.png", []), "image");
  assert.match(nameAsset(`${"x".repeat(200)}.png`, ["x".repeat(60)]), /^[a-z0-9][a-z0-9_-]{0,63}$/);
});

test("colors are computed as in the worker", () => {
  assert.equal(computeLuma(255, 255, 255), 255);
  assert.equal(computeLuma(255, 0, 0), 76);
  const curve = createCurve(1.2, 1.5);
  assert.deepEqual([curve[0], curve[100], curve[255]], [0, 116, 255]);
});
