/** One poller for all open jobs. It reads a few jobs one by one, and many with the pages of a listing. */

import { listJobs, requestJob } from "./api.js";
import { pause, pauseBetweenPolls, waitUntilOnline } from "./pause.js";
import { Problem } from "./problem.js";
import { computeDelay } from "./retry.js";

const FIRST_SECONDS = 0.5;
const LISTING_SECONDS = 1;
const MAX_SECONDS = 8;
const GROWTH = 1.3;
const MAX_SINGLE = 3;
const PAGE = 100;
const MAX_MILLISECONDS = 15 * 60_000;
const MAX_FAILURES = 8; // consecutive

/**
 * @typedef {object} Watch
 * @property {Job} job the newest state
 * @property {string|null} etag
 * @property {number} deadline milliseconds since the epoch
 * @property {(job: Job) => void} onJob
 * @property {((problem: Problem|null) => void)|undefined} onProblem gets a retryable problem, and null once it is over
 * @property {(job: Job) => void} resolve
 * @property {(problem: unknown) => void} reject
 */

/** @type {Map<string, Watch>} by the job's ID */
const watches = new Map();
let running = false;
let seconds = FIRST_SECONDS;
let wake = new AbortController();

/**
 * Follow a job until it is done.
 * @param {Job} job
 * @param {{onJob: (job: Job) => void, onProblem?: (problem: Problem|null) => void, signal?: AbortSignal}} options
 * @returns {Promise<Job>} the finished job, or its last state when the time limit is reached
 */
export function watchJob(job, { onJob, onProblem, signal }) {
  return new Promise((resolve, reject) => {
    const deadline = Date.now() + MAX_MILLISECONDS;
    const watch = {
      job,
      etag: null,
      deadline,
      onJob,
      onProblem,
      resolve,
      reject,
    };
    watches.set(job.id, watch);
    signal?.addEventListener("abort", () => {
      if (watches.get(job.id) === watch) watches.delete(job.id);
      reject(signal.reason);
    });
    seconds = FIRST_SECONDS;
    wake.abort();
    run();
  });
}

async function run() {
  if (running) return;
  running = true;
  let failures = 0;
  while (watches.size) {
    wake = new AbortController();
    await pauseBetweenPolls(seconds * 1000, wake.signal).catch(() => pause(FIRST_SECONDS * 1000));
    seconds = Math.min(seconds * GROWTH, MAX_SECONDS);
    try {
      const retryAfter = watches.size > MAX_SINGLE ? await pollPages() : await pollEach();
      seconds = Math.min(Math.max(seconds, retryAfter), MAX_SECONDS);
      if (failures) forEachWatch((watch) => watch.onProblem?.(null));
      failures = 0;
    } catch (problem) {
      failures += 1;
      await handleProblem(problem, failures);
      if (failures > MAX_FAILURES) failures = 0;
    }
    const now = Date.now();
    forEachWatch((watch) => watch.deadline < now && settle(watch, watch.job));
  }
  running = false;
}

/** @param {unknown} problem @param {number} failures */
async function handleProblem(problem, failures) {
  const retryable = problem instanceof Problem && problem.retriable && failures <= MAX_FAILURES;
  if (!retryable) {
    forEachWatch((watch) => {
      watches.delete(watch.job.id);
      watch.reject(problem);
    });
    return;
  }
  forEachWatch((watch) => watch.onProblem?.(problem));
  if (!navigator.onLine) await waitUntilOnline();
  await pause(computeDelay(problem, failures));
  seconds = FIRST_SECONDS;
}

/** Read each job. Return the largest `Retry-After` in seconds. */
async function pollEach() {
  const read = [...watches.values()].map(async (watch) => {
    try {
      const { body, etag, retryAfter } = await requestJob(watch.job.id, {
        etag: watch.etag,
      });
      watch.etag = etag ?? watch.etag;
      if (body) report(watch, body);
      return watch.job.done ? 0 : (retryAfter ?? 0);
    } catch (problem) {
      if (problem instanceof Problem && problem.retriable) throw problem;
      watches.delete(watch.job.id);
      watch.reject(problem);
      return 0;
    }
  });
  return Math.max(0, ...(await Promise.all(read)));
}

/** Read listings from the oldest open job on. Return 0: listings have no `Retry-After`. */
async function pollPages() {
  const missing = new Set(watches.keys());
  const since = [...watches.values()].map(({ job }) => job.uploaded_at).sort()[0];
  let cursor = "";
  do {
    const page = await listJobs({ since, limit: String(PAGE), cursor });
    for (const job of page.jobs) {
      missing.delete(job.id);
      const watch = watches.get(job.id);
      if (watch) report(watch, job);
    }
    cursor = page.next_cursor ?? "";
  } while (cursor && missing.size);
  // A job that is not listed was deleted, or its listing is not up to date yet: read it to know.
  for (const id of [...missing].slice(0, MAX_SINGLE)) await pollOne(id);
  return 0;
}

/** @param {string} id */
async function pollOne(id) {
  const watch = watches.get(id);
  if (!watch) return;
  try {
    const { body } = await requestJob(id);
    if (body) report(watch, body);
  } catch (problem) {
    if (problem instanceof Problem && problem.retriable) throw problem;
    watches.delete(id);
    watch.reject(problem);
  }
}

/** @param {Watch} watch @param {Job} job */
function report(watch, job) {
  if (watches.get(job.id) !== watch) return;
  const changed = job.status !== watch.job.status || job.generation !== watch.job.generation || job.done;
  watch.job = job;
  if (!changed) return;
  seconds = watches.size > MAX_SINGLE ? LISTING_SECONDS : FIRST_SECONDS;
  if (job.done) settle(watch, job);
  else watch.onJob(job);
}

/** @param {Watch} watch @param {Job} job */
function settle(watch, job) {
  watches.delete(job.id);
  watch.onJob(job);
  watch.resolve(job);
}

/** @param {(watch: Watch) => void} action */
function forEachWatch(action) {
  for (const watch of [...watches.values()]) action(watch);
}
