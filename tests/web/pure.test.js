/** Tests of the modules of the web page that need no browser. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { computeRange, listIndices } from "../../web/app/base/virtual.js";
import { createNamer } from "../../web/app/jobs/names.js";
import { canonicalize, computeDigest } from "../../web/app/jobs/verification.js";
import { readIdTime } from "../../web/app/net/job-reader.js";
import { decodeRecipe, encodeRecipe } from "../../web/app/recipe/link.js";
import { compact, isSamePipeline, listFields } from "../../web/app/recipe/schema.js";
import { describeProgress, estimateSecondsLeft, summarize } from "../../web/app/store/summary.js";
import { FITTED, computeFit, limitPan, refit, zoomBy } from "../../web/app/table/zoom.js";
import { checkFiles, describeRefused, startsLikeImage } from "../../web/app/uploads/file-check.js";
import { findLate } from "../../web/app/uploads/late-uploads.js";
import { createLimiter } from "../../web/app/uploads/limiter.js";

const PANE = { width: 800, height: 600 };
const PHOTO = { width: 4000, height: 3000 };
const LIMITS = { maxBytes: 100, maxCount: 3 };
const JPEG = [0xff, 0xd8, 0xff, 0xe0];

/** @param {string} name @param {number[]} bytes */
const createAdded = (name, bytes) => ({ file: new File([new Uint8Array(bytes)], name), folder: "" });

test("a summary counts each image once", () => {
  const job = (status, result = null) => ({ status, raw: { size: 1000 }, result });
  const result = { outputs: [{ size: 200 }, { size: 100 }] };
  const summary = summarize([
    { size: 1, phase: "staged", versions: [] },
    { size: 1, phase: "waiting", versions: [] },
    { size: 1, phase: "sending", versions: [job("COMPLETED", result)] },
    { size: 1, phase: "working", versions: [job("PENDING")] },
    { size: 1, phase: "done", versions: [job("FAILED"), job("COMPLETED", result)] },
    { size: 1, phase: "done", versions: [job("FAILED")] },
    { size: 1, phase: "done", versions: [job("CANCELLED")] },
    { size: 1, phase: "lost", versions: [] },
  ]);
  assert.deepEqual(summary, {
    total: 8,
    staged: 1,
    unsent: 2,
    working: 1,
    processed: 1,
    failed: 2,
    canceled: 1,
    before: 1000,
    after: 300,
  });
  assert.equal(describeProgress(summary), "1 of 7 processed, 2 failed, 1 canceled, 2 not sent yet");
});

test("the time left follows from the time per image so far", () => {
  const summary = { ...summarize([]), processed: 3, failed: 1, unsent: 6, working: 2 };
  assert.equal(estimateSecondsLeft(summary, 4000), 8);
  assert.equal(estimateSecondsLeft({ ...summary, processed: 0, failed: 0 }, 4000), null);
  assert.equal(estimateSecondsLeft({ ...summary, unsent: 0, working: 0 }, 4000), null);
});

test("the point below the pointer stays where it is while zooming", () => {
  const point = { x: 120, y: -80 };
  const zoomed = zoomBy(FITTED, 4, point, PHOTO, PANE);
  assert.equal(zoomed.zoom, 4);
  const before = { x: point.x / 1, y: point.y / 1 };
  assert.deepEqual({ x: (point.x - zoomed.x) / zoomed.zoom, y: (point.y - zoomed.y) / zoomed.zoom }, before);
});

test("a small image stays in the middle, and a large one leaves no margin", () => {
  const fit = computeFit(PHOTO, PANE);
  assert.deepEqual(limitPan({ zoom: 1, x: 50, y: -50 }, PHOTO, PANE), { zoom: 1, x: 0, y: 0, fit });
  assert.deepEqual(limitPan({ zoom: 2, x: 5000, y: -5000 }, PHOTO, PANE), { zoom: 2, x: 400, y: -300, fit });
  assert.equal(computeFit({ width: 10, height: 10 }, PANE), 3);
});

test("an image keeps its scale in a pane of another size, unless it was fitted", () => {
  const wide = { width: PANE.width * 2, height: PANE.height * 2 };
  const zoomed = zoomBy(FITTED, 4, { x: 0, y: 0 }, PHOTO, PANE);
  const kept = refit(zoomed, PHOTO, wide);
  assert.equal(kept.zoom * computeFit(PHOTO, wide), zoomed.zoom * computeFit(PHOTO, PANE));
  assert.equal(refit(limitPan(FITTED, PHOTO, PANE), PHOTO, wide).zoom, 1);
});

test("files are left out by content, size and number, in one sentence", async () => {
  const files = [
    createAdded("a.jpg", JPEG),
    createAdded("empty.jpg", []),
    createAdded("text.jpg", [104, 101, 108, 108, 111]),
    createAdded("large.jpg", [...JPEG, ...new Array(200).fill(0)]),
    createAdded("b.jpg", JPEG),
    createAdded("c.jpg", JPEG),
    createAdded("d.jpg", JPEG),
  ];
  const { accepted, refused } = await checkFiles(files, LIMITS);
  assert.deepEqual(
    accepted.map((each) => each.file.name),
    ["a.jpg", "b.jpg", "c.jpg"],
  );
  assert.equal(
    describeRefused(refused, LIMITS),
    "4 files left out: 1 is not an image, 1 is empty, 1 is larger than 100 B, 1 would exceed the limit of 3 images.",
  );
  assert.equal(describeRefused({ empty: 0, large: 0, other: 0, many: 0 }, LIMITS), "");
});

test("the formats that the server accepts are recognized by their first bytes", () => {
  const heads = [
    "\xff\xd8\xff",
    "\x89PNG\r\n",
    "GIF89a",
    "RIFF\0\0\0\0WEBP",
    "II*\0",
    "MM\0*",
    "BM6",
    "\0\0\0\x20ftypavif",
  ];
  for (const head of heads) assert.ok(startsLikeImage(Uint8Array.from(head, (each) => each.charCodeAt(0))), head);
  assert.ok(!startsLikeImage(new Uint8Array([0x25, 0x50, 0x44, 0x46])));
});

test("only the visible rows of a list are drawn, with a margin and the row that has the focus", () => {
  const view = { height: 50, viewTop: 100, viewBottom: 600 };
  assert.deepEqual(computeRange({ ...view, count: 5000, top: 100 }), [0, 18]);
  assert.deepEqual(computeRange({ ...view, count: 5000, top: -99_900 }), [1992, 2018]);
  assert.deepEqual(computeRange({ ...view, count: 20, top: 700 }), [0, 6]);
  assert.deepEqual(computeRange({ ...view, count: 20, top: -5000 }), [20, 20]);
  assert.deepEqual(listIndices(100, [3, 6], [-1, -1]), [3, 4, 5]);
  assert.deepEqual(listIndices(100, [3, 6], [4]), [3, 4, 5]);
  assert.deepEqual(listIndices(100, [3, 6], [0]), [0, 3, 4, 5]);
  assert.deepEqual(listIndices(100, [3, 6], [99, -1]), [3, 4, 5, 99]);
  assert.deepEqual(listIndices(100, [3, 6], [99, 0]), [0, 3, 4, 5, 99]);
  assert.deepEqual(listIndices(5, [3, 9], [7]), [3, 4]);
});

test("a receipt has the canonical form of RFC 8785, whose digest is compared", async () => {
  const text = canonicalize({
    "\u20ac": 1.0,
    b: [true, null, "\u000f\n\u00e9"],
    a: { z: 1e21, y: 333333333.33333329 },
  });
  assert.equal(text, '{"a":{"y":333333333.3333333,"z":1e+21},"b":[true,null,"\\u000f\\n\u00e9"],"\u20ac":1}');
  assert.equal(
    await computeDigest(new TextEncoder().encode("abc")),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});

test("the ID of a job says when it was created", () => {
  assert.equal(readIdTime("01ARYZ6S41TSV4RRFFQ69G5FAV"), 1469918176385);
});

test("names in a zip file differ in more than case", () => {
  const nameFile = createNamer();
  const names = ["a.webp", "A.webp", "a.webp", "x/a.webp", ".hidden", "x/.hidden"].map(nameFile);
  assert.deepEqual(names, ["a.webp", "A-2.webp", "a-3.webp", "x/a.webp", ".hidden", "x/.hidden"]);
});

test("a recipe survives its link, and other text is no recipe", () => {
  const recipe = { preset: null, pipeline: { operations: [{ op: "watermark", text: "© Ünïcode" }], outputs: [] } };
  assert.match(encodeRecipe(recipe), /^[\w-]+$/);
  assert.deepEqual(decodeRecipe(encodeRecipe(recipe)), recipe);
  assert.equal(decodeRecipe("%%%"), null);
  assert.equal(decodeRecipe(""), null);
});

test("a paused limiter starts nothing until it continues", async () => {
  const limiter = createLimiter(1);
  const started = [];
  limiter.setPaused(true);
  const work = [1, 2].map((each) => limiter.run(async () => started.push(each)));
  await Promise.resolve();
  assert.deepEqual(started, []);
  limiter.setPaused(false);
  await Promise.all(work);
  assert.deepEqual(started, [1, 2]);
});

test("fields come from a schema, and values without defaults from a recipe", () => {
  const schema = {
    properties: {
      op: { const: "resize", default: "resize" },
      width: { anyOf: [{ type: "integer", minimum: 1, maximum: 10 }, { type: "null" }], default: null },
      fit: { $ref: "#/$defs/Fit", default: "inside" },
    },
    $defs: { Fit: { enum: ["inside", "cover"] } },
  };
  const [width, fit] = listFields(schema);
  assert.deepEqual([width.name, width.kind, width.optional, width.min, width.max], ["width", "number", true, 1, 10]);
  assert.deepEqual([fit.name, fit.kind, fit.initial], ["fit", "choice", "inside"]);
  assert.deepEqual(compact({ op: "resize", width: 4, fit: "inside" }, schema), { op: "resize", width: 4 });
});

test("a job has the edited pipeline if it differs only by defaults", () => {
  const done = { operations: [{ op: "resize", width: 4, fit: "inside" }], outputs: [{ format: "webp", quality: 80 }] };
  const edited = { operations: [{ op: "resize", width: 4 }], outputs: [{ format: "webp" }] };
  assert.ok(isSamePipeline(done, edited));
  assert.ok(!isSamePipeline(done, { ...edited, operations: [] }));
  assert.ok(!isSamePipeline(done, { ...edited, outputs: [{ format: "png" }] }));
  assert.ok(!isSamePipeline(null, edited));
  const flip = { op: "flip", direction: "horizontal" };
  const nested = { ...edited, outputs: [{ ...edited.outputs[0], operations: [{ op: "flip" }] }] };
  assert.ok(isSamePipeline({ ...done, outputs: [{ ...done.outputs[0], operations: [flip] }] }, nested));
  assert.ok(!isSamePipeline(done, nested));
});

test("an upload is late if a much later one was taken, or if nothing happens", () => {
  const waiting = [
    { sentAt: 0, isWaiting: true },
    { sentAt: 20_000, isWaiting: true },
  ];
  assert.deepEqual(findLate(waiting, 1000), []);
  assert.deepEqual(findLate([...waiting, { sentAt: 30_000, isWaiting: false }], 1000), [waiting[0]]);
  assert.deepEqual(findLate(waiting, 30_000), waiting);
  assert.equal(
    findLate(
      Array.from({ length: 99 }, () => waiting[0]),
      30_000,
    ).length,
    10,
  );
});
