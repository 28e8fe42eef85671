/** Uploads in parts. After an interruption, they continue with the parts that S3 does not have. */

import { createToken } from "../base/random.js";
import { abortUpload, completeUpload, createUpload, getJob, listParts, renewForm, signPart } from "../net/api.js";
import { Problem } from "../net/problem.js";
import { runWithRetries } from "../net/retry.js";
import { sendPart } from "../net/upload.js";
import { findUpload, forgetUpload, nameUpload, saveUpload } from "../store/saved-uploads.js";
import { createLimiter } from "./limiter.js";

const MAX_CONCURRENT_PARTS = 3;
/** Statuses of jobs that have no file. */
const WITHOUT_FILE = new Set(["AWAITING_UPLOAD", "CANCELLED", "EXPIRED"]);

const limiter = createLimiter(MAX_CONCURRENT_PARTS);

/** @typedef {import("../net/upload.js").UploadOptions} UploadOptions */

/**
 * Send a file in parts. An interrupted upload of the same file with the same recipe continues. If the signal is
 * aborted, so is the upload.
 * @param {File} file @param {JobSpec} spec @param {UploadOptions} options
 * @param {string} [member] the job, if it already exists
 * @returns {Promise<Job>}
 */
export async function uploadInParts(file, spec, options, member) {
  const run = () => uploadOnce(file, spec, options, member);
  // The same file may be in the list twice, or in two tabs: one after the other, each as its own job.
  // Browsers have no locks on pages without TLS.
  return navigator.locks ? navigator.locks.request(nameUpload(file), { signal: options.signal }, run) : run();
}

/** @param {File} file @param {JobSpec} spec @param {UploadOptions} options @param {string} [member] @returns {Promise<Job>} */
async function uploadOnce(file, spec, options, member) {
  const { image, signal } = options;
  const found = findUpload(file);
  const isSame = found && (member ? found.id === member : JSON.stringify(found.spec) === JSON.stringify(spec));
  if (found && !isSame) await discard(file, found.id);
  const upload = { key: createToken(), id: member, ...(isSame ? found : {}), image, spec };
  saveUpload(file, upload);
  try {
    const id = (upload.id ??= await create(file, spec, upload.key, options));
    saveUpload(file, upload);
    signal.throwIfAborted();
    const job = await findArrived(id, () => sendParts(id, file, options));
    forgetUpload(file);
    return job;
  } catch (problem) {
    if (signal.aborted) await discard(file, upload.id);
    else if (isFinal(problem, upload.id)) {
      forgetUpload(file);
      if (isSame && !member) return uploadOnce(file, spec, options);
    }
    throw problem;
  }
}

/** Forget an upload, and delete its parts. @param {File} file @param {string} [id] */
async function discard(file, id) {
  forgetUpload(file);
  // If this fails, S3 deletes the parts when the upload expires.
  if (id) await abortUpload(id).catch(() => {});
}

/**
 * Create the job. Canceling does not stop the request, so that the job is known and can be canceled.
 * @param {File} file @param {JobSpec} spec @param {string} key @param {UploadOptions} options
 */
async function create(file, spec, key, { onWait, signal }) {
  const declaration = {
    method: "multipart",
    filename: file.name,
    content_type: "application/octet-stream",
    size: file.size,
  };
  const wait = (/** @type {Problem} */ problem) => signal.aborted || onWait(problem);
  return (await createUpload({ ...declaration, ...spec }, { onWait: wait, key })).id;
}

/** Return the job that `send` returns, or the job itself if its file has already arrived. @param {string} id @param {() => Promise<Job>} send */
async function findArrived(id, send) {
  try {
    return await send();
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.code !== "NOT_AWAITING_UPLOAD") throw problem;
    const job = await getJob(id);
    if (WITHOUT_FILE.has(job.status)) throw problem;
    return job;
  }
}

/** Return true if an upload can't continue: its job was refused, or can't get its file any more. @param {unknown} problem @param {string} [id] */
function isFinal(problem, id) {
  if (!(problem instanceof Problem) || problem.retriable) return false;
  return !id || ["JOB_NOT_FOUND", "NOT_AWAITING_UPLOAD"].includes(problem.code);
}

/** Send the parts that S3 does not have, and complete the upload. @param {string} id @param {File} file @param {UploadOptions} options */
async function sendParts(id, file, options) {
  const { multipart } = await renewForm(id, options);
  if (!multipart?.upload_id) throw new Problem({ code: "UPLOAD_REFUSED" });
  const { upload_id: uploadId, part_size: size, part_count: count } = multipart;
  const { parts } = await listParts(id, uploadId, options);
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const sent = new Map(parts.map((each) => [each.PartNumber, each.Size]));
  const report = () => options.onProgress([...sent.values()].reduce((sum, each) => sum + each, 0) / file.size);

  /** Each attempt signs the part again, because signatures expire. @param {number} number @param {Blob} body */
  const send = (number, body) =>
    runWithRetries(
      async () => {
        const signed = await signPart(id, uploadId, number, signal);
        const onProgress = (/** @type {number} */ share) => {
          sent.set(number, share * body.size);
          report();
        };
        await sendPart(signed, body, { onProgress, signal });
      },
      { onWait: options.onWait, signal },
    );

  report();
  const sending = [];
  for (let number = 1; number <= count; number += 1) {
    const body = file.slice((number - 1) * size, number * size);
    if (sent.get(number) === body.size) continue;
    sending.push(
      limiter.run(() => {
        signal.throwIfAborted();
        return send(number, body);
      }),
    );
  }
  try {
    await Promise.all(sending);
  } catch (problem) {
    stop.abort(problem); // the other parts stop too
    await Promise.allSettled(sending);
    throw problem;
  }
  return completeUpload(id, uploadId, options);
}
