/** Sending of images, and following of their jobs. */

import { batch, signal } from "../vendor/preact.js";
import { announce } from "../base/announce.js";
import { formatCount, isolate } from "../base/format.js";
import { cancelJob, isRetryable, isReusable } from "../jobs/actions.js";
import { createJob, retry } from "../net/api.js";
import { Problem } from "../net/problem.js";
import { watchJob } from "../net/job-poller.js";
import { loadModule } from "../net/retry.js";
import { toTextOptions } from "../recipe/link.js";
import { getJob } from "../store/images.js";
import { forgetFiles } from "../store/saved-files.js";
import { findUpload } from "../store/saved-uploads.js";
import { uploadDirectly } from "./direct-upload.js";
import { createLimiter } from "./limiter.js";

const MAX_CONCURRENT_UPLOADS = 3;
const CLOSED = new Set(["staged", "done", "lost"]);

/** @typedef {import("../store/images.js").StoredImage} StoredImage */

/** @param {import("../store/images.js").ImageStore} store @param {Limits} limits */
export function createRun(store, limits) {
  const limiter = createLimiter(MAX_CONCURRENT_UPLOADS);
  const paused = signal(false);

  /** @param {StoredImage} image @param {unknown} problem @param {AbortSignal} [signal] */
  const fail = (image, problem, signal = image.stop.signal) => {
    if (signal.aborted) return; // the user has canceled or removed the image
    if (!isResumable(image)) removeMembers([image]);
    store.update(image, { phase: "lost", problem, retryProblem: null });
  };

  /** Show the newest state of a job. The server has the file. @param {StoredImage} image @param {Job} job */
  const accept = (image, job) => {
    // Until the job is done, the server may have no link to the file.
    if (job.done && image.file && image.isRestored) {
      image.file = null;
      forgetFiles([image]);
    }
    store.setJob(image, job);
  };

  /** Follow an existing job until it is done. @param {StoredImage} image @param {Job} job */
  const follow = async (image, job) => {
    const { signal } = image.stop;
    image.member = "";
    accept(image, job);
    store.save();
    if (!image.isRestored) forgetFiles([image]);
    if (job.done) return;
    try {
      const latest = await watchJob(job, {
        signal,
        onJob: (seen) => accept(image, seen),
        onProblem: (retryProblem) => store.update(image, { retryProblem }),
      });
      if (!latest.done) store.update(image, { retryProblem: createDelayProblem() });
    } catch (problem) {
      fail(image, problem, signal);
    }
  };

  /** Send an image when it is its turn. @param {StoredImage} image @param {(options: import("../net/upload.js").UploadOptions) => Promise<Job>} send */
  const upload = async (image, send) => {
    const { signal } = image.stop; // canceling replaces it
    const options = {
      image: image.key,
      signal,
      onProgress: (/** @type {number} */ share) => store.update(image, { phase: "sending", share, retryProblem: null }),
      onWait: (/** @type {unknown} */ retryProblem) => store.update(image, { retryProblem }),
    };
    try {
      const job = await limiter.run(() => {
        signal.throwIfAborted();
        if (!getJob(image.state.value)) store.update(image, { phase: "sending" });
        return send(options);
      });
      follow(image, job);
    } catch (problem) {
      fail(image, problem, signal);
    }
  };

  /** @param {StoredImage} image @param {JobSpec} spec */
  const sendOne = (image, spec) =>
    upload(image, async (options) => {
      const job = getJob(image.state.value);
      if (job && isRetryable(job)) return retry(job.id, spec);
      if (job) {
        const { createVersion } = await loadModule(() => import("./versions.js"), options);
        const version = await createVersion(image.state.value.versions, spec, options);
        if (version) return version;
      }
      const { file } = image;
      if (!file) throw createLostProblem();
      if (file.size > limits.max_raw_bytes) throw createSizeProblem(image.name);
      if (file.size <= limits.max_body_bytes) return createJob(file, toTextOptions(spec), options);
      return uploadDirectly(file, spec, options);
    });

  /** Send images as a batch. Return false if this Safelight has no batches. @param {StoredImage[]} images @param {JobSpec} spec @param {{send: (image: StoredImage) => Promise<void>, isWanted: (image: StoredImage) => boolean}} on */
  const startBatch = async (images, spec, on) => {
    try {
      const { sendBatch } = await loadModule(() => import("./batch.js"));
      return await sendBatch(images, spec, { fail, upload, follow, save: () => store.save(), ...on });
    } catch (problem) {
      for (const each of images.filter(on.isWanted)) fail(each, problem);
      return true;
    }
  };

  return {
    paused,
    follow,
    /**
     * Process images with a recipe. Images that were processed before get another version.
     * @param {StoredImage[]} images @param {JobSpec} spec @param {{asBatch: boolean}} options
     */
    async start(images, spec, { asBatch }) {
      const startable = images.filter((each) => CLOSED.has(each.state.value.phase));
      const isBatchable = (/** @type {StoredImage} */ each) =>
        each.state.value.phase === "staged" || isReusable(getJob(each.state.value));
      const batchable = new Set(startable.filter(isBatchable));
      batch(() => {
        if (!store.summary.value.unsent && !store.summary.value.working) store.startedAt.value = Date.now();
        for (const each of startable) {
          if (each.stop.signal.aborted) each.stop = new AbortController();
          store.update(each, {
            phase: "waiting",
            share: 0,
            problem: null,
            retryProblem: null,
          });
        }
      });
      announce(`Processing ${formatCount(startable.length, "image")}`);
      // An interrupted upload already has a job, which continues.
      const known = startable.filter((each) => each.file && findUpload(each.file));
      const rest = startable.filter((each) => !known.includes(each) && batchable.has(each));
      const alone = startable.filter((each) => !rest.includes(each));
      const send = (/** @type {StoredImage} */ each) => sendOne(each, spec);
      const started = alone.map(send);
      const stops = new Map(rest.map((each) => [each, each.stop]));
      const isWanted = (/** @type {StoredImage} */ each) => stops.get(each) === each.stop && !each.stop.signal.aborted;
      const isSent = asBatch && rest.length > 1 && (await startBatch(rest, spec, { send, isWanted }));
      await Promise.all([...started, ...(isSent ? [] : rest.filter(isWanted).map(send))]);
    },
    /** Continue the upload that an image had before a reload, if there is one. @param {StoredImage} image */
    continueUpload(image) {
      const upload = image.file && findUpload(image.file);
      if (upload?.image === image.key) void this.start([image], upload.spec, { asBatch: false });
    },
    /** @param {boolean} value */
    setPaused(value) {
      paused.value = value;
      limiter.setPaused(value);
      announce(value ? "Paused. Images that are already sent are still processed." : "Continued");
    },
    /** Stop images that are not done: those without a job are ready again, jobs are canceled. @param {StoredImage[]} images */
    async cancel(images) {
      const open = images.filter((each) => !CLOSED.has(each.state.value.phase));
      const jobs = [];
      for (const each of open) {
        const job = getJob(each.state.value);
        each.stop.abort(new DOMException("canceled", "AbortError"));
        each.stop = new AbortController();
        if (job && !job.done) jobs.push({ image: each, job });
        else
          store.update(each, {
            phase: job ? "done" : "staged",
            share: 0,
            retryProblem: null,
          });
      }
      removeMembers(open);
      for (const { image, job } of jobs) await cancelJob(job, (canceled) => void follow(image, canceled));
      if (open.length) announce(`Canceled ${formatCount(open.length, "image")}`);
    },
  };
}

/** @typedef {ReturnType<typeof createRun>} Run */

/** Return true if the upload of an image can continue, in its batch. @param {StoredImage} image */
function isResumable({ file, member }) {
  return file !== null && member !== "" && findUpload(file)?.id === member;
}

/** Delete the jobs that wait for the files of images. @param {StoredImage[]} images */
async function removeMembers(images) {
  const ids = images.flatMap(({ member }) => member || []);
  for (const each of images) each.member = "";
  if (!ids.length) return;
  const members = await loadModule(() => import("./members.js"));
  await members.removeMembers(ids);
}

function createLostProblem() {
  return new Problem({
    code: "RAW_IMAGE_MISSING",
    title: "Neither this page nor the server has this file any more.",
  });
}

/** @param {string} name */
function createSizeProblem(name) {
  return new Problem({
    code: "TOO_MANY_BYTES",
    title: `${isolate(name)} is larger than this Safelight accepts.`,
  });
}

function createDelayProblem() {
  return new Problem({
    code: "STILL_OPEN",
    title: "This is taking long. Check the history later.",
  });
}
