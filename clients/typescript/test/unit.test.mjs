// The client without a stack: a function takes the place of fetch.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Safelight, SafelightError } from "../dist/index.js";

const BASE = "https://api.example.com/prod/v1";
const JOB = {
  id: "01M82VQ5S0EET9YRA6Y1ZJ28P4",
  filename: "photo.jpg",
  status: "COMPLETED",
  done: true,
  pipeline: { operations: [], outputs: [] },
  result: { outputs: [] },
};

/** Return a client and the list of its requests. Each response is a status and a body. */
function connect(responses, options = {}) {
  const requests = [];
  const fetch = async (url, init) => {
    requests.push({ url, ...init });
    const next = responses.length > 1 ? responses.shift() : responses[0];
    if (next instanceof Error) throw next;
    const [status, body, headers] = next;
    return new Response(JSON.stringify(body), { status, headers });
  };
  return { client: new Safelight({ baseUrl: `${BASE}/`, fetch, ...options }), requests };
}

/** Return a job with outputs, each given as name, format and width, with the proportions 4:3. */
function makeJob(outputs, more = {}) {
  const images = outputs.map(([name, format, width]) => {
    return { name, format, width, height: (width * 3) / 4, media_type: `image/${format.toLowerCase()}`, size: width };
  });
  return { ...JOB, pipeline: { operations: [], outputs: [], responsive: {} }, result: { outputs: images }, ...more };
}

test("options are sent as the API reads them", async () => {
  const { client, requests } = connect([[202, JOB]], { token: "slt_a", headers: { "x-api-key": "k" } });
  const pipeline = { operations: [{ op: "grayscale" }] };
  await client.upload(new File(["x"], "a b&c.jpg"), { pipeline, facts: { gps: true } });
  await client.upload(new Blob(["x"]), { widths: [320, 640], formats: ["avif", "webp"] });
  const [first, second] = requests.map((each) => new URL(each.url));
  assert.equal(first.searchParams.get("filename"), "a b&c.jpg");
  assert.deepEqual(JSON.parse(first.searchParams.get("pipeline")), pipeline);
  assert.deepEqual(JSON.parse(first.searchParams.get("facts")), { gps: true });
  assert.equal(second.search, "?widths=320%2C640&formats=avif%2Cwebp");
  assert.equal(requests[0].headers.Authorization, "Bearer slt_a");
  assert.equal(requests[0].headers["x-api-key"], "k");
  assert.notEqual(requests[0].headers["Idempotency-Key"], requests[1].headers["Idempotency-Key"]);
});

test("a job from a stored image sends options and no image", async () => {
  const { client, requests } = connect([[202, JOB]]);
  await client.submitFrom(JOB, { widths: [320, 640], formats: ["avif"], filename: "a.jpg" });
  await client.submitFrom(JOB.id, { preset: "web", facts: { gps: true } });
  const source = `job:${JOB.id}`;
  assert.deepEqual(requests.map((each) => [each.url, JSON.parse(each.body)]), [
    [`${BASE}/jobs`, { source, filename: "a.jpg", widths: "320,640", formats: "avif" }],
    [`${BASE}/jobs`, { source, preset: "web", facts: { gps: true } }],
  ]);
  assert.notEqual(requests[0].headers["Idempotency-Key"], requests[1].headers["Idempotency-Key"]);
});

test("a request is repeated with the same key after temporary errors", async () => {
  const problem = { code: "SERVICE_UNAVAILABLE", retriable: true };
  const { client, requests } = connect([new TypeError("down"), [503, problem, { "Retry-After": "0.01" }], [202, JOB]]);
  assert.equal((await client.upload(new Blob(["x"]))).id, JOB.id);
  assert.equal(new Set(requests.map((each) => each.headers["Idempotency-Key"])).size, 1);
  assert.equal(requests.length, 3);
});

test("an error has the code, the detail and the fields of the problem document", async () => {
  const errors = [{ pointer: "/width", detail: "is too large" }];
  const title = "The request is not valid.";
  const problem = { code: "INVALID_REQUEST", title, detail: title, retriable: false, errors };
  const { client, requests } = connect([[422, problem]]);
  await assert.rejects(client.upload(new Blob(["x"])), (error) => {
    assert.ok(error instanceof SafelightError);
    assert.deepEqual([error.status, error.code], [422, "INVALID_REQUEST"]);
    assert.match(error.message, /not valid.*\/width is too large/);
    return true;
  });
  assert.equal(requests.length, 1);
});

test("a limit of the day ends the request at once", async () => {
  const problem = { code: "DAILY_BYTES_EXCEEDED", retriable: true };
  const { client, requests } = connect([[429, problem, { "Retry-After": "40000" }]]);
  await assert.rejects(client.upload(new Blob(["x"])), { code: "DAILY_BYTES_EXCEEDED" });
  assert.equal(requests.length, 1);
});

test("wait asks the API to wait, and an abort ends it", async () => {
  const open = { ...JOB, done: false, status: "PENDING" };
  const applied = { "Preference-Applied": "wait=10" };
  const { client, requests } = connect([[200, open, applied], [200, JOB]]);
  assert.equal((await client.wait(JOB.id)).status, "COMPLETED");
  assert.deepEqual(requests.map((each) => each.headers.Prefer), ["wait=20", "wait=20"]);
  const other = connect([[200, open]]);
  const controller = new AbortController();
  const waiting = other.client.wait(open, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
});

test("uploadMany keeps the order, reports progress and goes on after a failed file", async () => {
  const refuse = [415, { code: "UNSUPPORTED_TYPE", detail: "no image", retriable: false }];
  const { client } = connect([[202, JOB], refuse, [202, JOB]]);
  const files = [new Blob(["abc"]), new Blob(["no"]), new Blob(["d"])];
  const seen = [];
  const results = await client.uploadMany(files, { concurrency: 1, onProgress: (each) => seen.push(each) });
  assert.deepEqual(results.map((each) => each.file), files);
  assert.deepEqual(results.map((each) => each.job?.status ?? each.error.code), ["COMPLETED", "UNSUPPORTED_TYPE", "COMPLETED"]);
  assert.deepEqual(seen.at(-1), { completed: 2, failed: 1, total: 3, sentBytes: 4, totalBytes: 6 });
});

test("an abort of uploadMany sends no further file", async () => {
  const controller = new AbortController();
  const { client, requests } = connect([[202, JOB]]);
  const files = Array.from({ length: 5 }, () => new Blob(["x"]));
  const onResult = () => controller.abort(new Error("stop"));
  const results = await client.uploadMany(files, { concurrency: 1, signal: controller.signal, onResult });
  assert.equal(requests.length, 1);
  assert.equal(results.length, 5);
  assert.ok(results.slice(1).every((each) => each.error.message === "stop"));
});

test("a picture offers the best format first and escapes every value", () => {
  const { client } = connect([[200, JOB]]);
  const job = makeJob([["w320-webp", "WEBP", 320], ["w640-webp", "WEBP", 640], ['"><script>', "JPEG", 640]], {
    filename: 'a/"><img src=x onerror=alert(1)>.jpg',
  });
  const html = client.picture(job, { sizes: "50vw", className: "wide" });
  const output = (name) => `${BASE}/jobs/${job.id}/outputs/${name}`;
  const script = output("%22%3E%3Cscript%3E");
  assert.equal(
    html,
    `<picture><source type="image/webp" srcset="${output("w320-webp")} 320w, ${output("w640-webp")} 640w" sizes="50vw">` +
      `<img src="${script}" srcset="${script} 640w" sizes="50vw" width="640" height="480" ` +
      'alt="&#34;&#62;&#60;img src=x onerror=alert(1)&#62;" loading="lazy" decoding="async" class="wide"></picture>',
  );
});

test("a picture has only outputs that show the same image", () => {
  const { client } = connect([[200, JOB]]);
  const job = makeJob([["full", "JPEG", 800], ["gray", "JPEG", 400], ["small", "JPEG", 200], ["print", "TIFF", 900]], {
    pipeline: {
      operations: [],
      outputs: [
        { name: "full", operations: [] },
        { name: "gray", operations: [{ op: "grayscale" }] },
        { name: "small", operations: [{ op: "resize" }] },
      ],
    },
  });
  const { img } = client.pictureProps(job);
  assert.deepEqual(img.srcSet.match(/\w+ \d+w/g), ["small 200w", "full 800w"]);
});

test("a job without a usable result has no picture and no unknown output", () => {
  const { client } = connect([[200, JOB]]);
  assert.throws(() => client.picture({ ...JOB, result: null }), RangeError);
  assert.throws(() => client.picture(makeJob([["print", "TIFF", 900]])), RangeError);
  assert.throws(() => client.resultUrl(makeJob([["full", "JPEG", 900]]), "constructor"), /no output "constructor"/);
  assert.deepEqual(client.resultLinks({ ...JOB, result: null }), []);
});
