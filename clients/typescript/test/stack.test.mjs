// The client against a running stack: SAFELIGHT_API_URL, and SAFELIGHT_IMAGE, a file of more than two parts of 5 MiB.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Safelight } from "../dist/index.js";

const { SAFELIGHT_API_URL: baseUrl, SAFELIGHT_IMAGE: path } = process.env;
const options = { skip: baseUrl ? false : "SAFELIGHT_API_URL is not set" };
const client = new Safelight({ baseUrl });
const PIXEL = Buffer.from("R0lGODlhAQABAPAAAP8AAP///yH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==", "base64");

test("an image becomes an output with links and markup", options, async () => {
  const job = await client.wait(await client.upload(new File([PIXEL], "dot.gif"), { format: "webp" }));
  assert.equal(job.status, "COMPLETED");
  const [link] = client.resultLinks(job);
  const { img } = client.pictureProps(job);
  assert.deepEqual([link.mediaType, link.width, img.alt, img.src], ["image/webp", 1, "dot", link.url]);
  for (const url of [link.url, client.resultUrl(job), await client.signedUrl(job, link.name)]) {
    const image = Buffer.from(await (await fetch(url)).arrayBuffer());
    assert.equal(image.subarray(8, 12).toString(), "WEBP");
  }
});

test("a stored image gets another job, which outlives the first one", options, async () => {
  const first = await client.wait(await client.upload(new File([PIXEL], "dot.gif")));
  const job = await client.wait(await client.submitFrom(first, { format: "webp" }));
  assert.deepEqual([job.status, job.filename, job.format], ["COMPLETED", "dot.gif", "WEBP"]);
  assert.deepEqual([job.raw.source, job.raw.digest], [`job:${first.id}`, first.raw.digest]);
  await client.request("DELETE", `jobs/${first.id}`);
  assert.equal((await client.wait(await client.submitFrom(job.id))).status, "COMPLETED");
  await assert.rejects(client.submitFrom(first), { status: 422, code: "JOB_NOT_FOUND" });
});

test("a large file is sent in parts", options, async () => {
  const seen = [];
  const file = new File([await readFile(path)], "large.jpg", { type: "image/jpeg" });
  const job = await client.wait(await client.upload(file, { width: 64, onProgress: (...each) => seen.push(each) }));
  assert.deepEqual([job.status, job.raw.size], ["COMPLETED", file.size]);
  assert.deepEqual(seen.at(-1), [file.size, file.size]);
  assert.ok(seen.length >= 3);
});

test("an aborted upload in parts is cancelled", options, async () => {
  const file = new File([await readFile(path)], "aborted.jpg", { type: "image/jpeg" });
  const controller = new AbortController();
  const onProgress = () => controller.abort(new Error("stop"));
  await assert.rejects(client.upload(file, { signal: controller.signal, onProgress }), /stop/);
  const { jobs } = await (await client.request("GET", "jobs", { query: { limit: 10 } })).json();
  assert.equal(jobs.find((each) => each.filename === "aborted.jpg").status, "CANCELLED");
});

test("many files end in their order, and a bad one does not stop the others", options, async () => {
  const files = [new File([PIXEL], "0.gif"), new File(["no image"], "1.gif"), new File([PIXEL], "2.gif")];
  const seen = [];
  const results = await client.uploadMany(files, { onProgress: (each) => seen.push(each) });
  assert.deepEqual(results.map((each) => each.job?.filename), ["0.gif", undefined, "2.gif"]);
  assert.equal(results[1].error.code, "UNSUPPORTED_TYPE");
  assert.equal(seen.at(-1).completed, 2);
  assert.equal(seen.at(-1).failed, 1);
});
