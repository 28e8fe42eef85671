/** Batches: many images that the server counts together. */

import { announce, showNote } from "../base/announce.js";
import { formatCount } from "../base/format.js";
import { isReusable } from "../jobs/actions.js";
import { addToBatch, createBatch } from "../net/api.js";
import { readIdTime } from "../net/job-reader.js";
import { Problem, formatProblem } from "../net/problem.js";
import { getJob } from "../store/images.js";
import { MULTIPART_BYTES, sendBytes, uploadLarge } from "./direct-upload.js";
import { confirmLateUploads } from "./late-uploads.js";
import { endBatch, removeMembers, saveBatch } from "./members.js";

const MAX_MEMBERS = 100; // per request

/**
 * @typedef {import("../store/images.js").StoredImage} StoredImage
 * @typedef {{image: StoredImage, id: string, sentAt: number}} Sent a member whose file was sent at this time, in milliseconds
 */

/**
 * Send images as one batch.
 * @param {StoredImage[]} images @param {JobSpec} spec
 * @param {{fail: (image: StoredImage, problem: unknown) => void, save: () => void, isWanted: (image: StoredImage) => boolean,
 *   upload: (image: StoredImage, send: (options: import("../net/upload.js").UploadOptions) => Promise<Job>) => Promise<void>,
 *   follow: (image: StoredImage, job: Job) => Promise<void>, send: (image: StoredImage) => Promise<void>}} on
 * `send` processes an image alone, without the batch. `isWanted` is false once the user has canceled or removed an image.
 * @returns {Promise<boolean>} false if this Safelight has no batches
 */
export async function sendBatch(images, spec, on) {
  let id;
  try {
    id = (await createBatch({ name: createName(images), ...spec, items: [] })).batch.id;
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 404) return false;
    for (const each of images.filter(on.isWanted)) on.fail(each, problem);
    return true;
  }
  saveBatch(id);
  announce(`Sending a batch of ${formatCount(images.length, "image")}`);
  const uploads = [];
  /** @type {Sent[]} */
  const sent = [];
  for (let start = 0; start < images.length; start += MAX_MEMBERS) {
    const part = images.slice(start, start + MAX_MEMBERS).filter(on.isWanted);
    if (part.length) uploads.push(...(await register(id, part, spec, { ...on, sent })));
  }
  const all = Promise.all([close(id), ...uploads]);
  confirmLateUploads(() => sent.map((each) => ({ ...each, isWaiting: isWaiting(each) })), all);
  await all;
  return true;
}

/**
 * Add images to the batch. Return one promise per upload.
 * @param {string} id @param {StoredImage[]} images @param {JobSpec} spec
 * @param {Parameters<typeof sendBatch>[2] & {sent: Sent[]}} on
 *   `sent` gets the members whose file was sent
 */
async function register(id, images, spec, on) {
  let members;
  try {
    members = (await addToBatch(id, { items: images.map(describeMember) })).items;
  } catch (problem) {
    for (const each of images.filter(on.isWanted)) on.fail(each, problem);
    return [];
  }
  const canceled = [];
  for (const { index, job, upload, multipart } of members) {
    const image = images[index];
    if (!image || !job) continue;
    if (!on.isWanted(image)) canceled.push(job.id);
    else if (upload || multipart) image.member = job.id;
  }
  on.save();
  removeMembers(canceled);
  return members.map(async ({ index, job, upload, multipart, error }) => {
    const image = images[index];
    if (!image || !on.isWanted(image)) return;
    const { file } = image;
    // Another version may have the image, or the page may have the file.
    if (isReusable(getJob(image.state.value)))
      return error || !job ? on.send(image) : void on.follow(image, completeJob(job, image));
    if (error || !job || !file) return on.fail(image, new Problem(error ?? { code: "UPLOAD_REFUSED" }));
    if (multipart) return on.upload(image, (options) => uploadLarge(file, spec, options, job.id));
    if (!upload) return on.fail(image, new Problem({ code: "UPLOAD_REFUSED" }));
    return on.upload(image, async (options) => {
      await sendBytes(job.id, upload, file, options);
      on.sent.push({ image, id: job.id, sentAt: Date.now() });
      return completeJob(job, image); // S3 reports the file
    });
  });
}

/** Return true if the newest job of an image still waits for its file. @param {Sent} sent */
function isWaiting({ image, id }) {
  const { phase, versions } = image.state.value;
  return phase === "working" && versions.some((each) => each.id === id && each.status === "AWAITING_UPLOAD");
}

/** Return the job of a new member with what the page reads of a job. @param {Job} job @param {StoredImage} image @returns {Job} */
function completeJob(job, { size }) {
  const raw = /** @type {Job["raw"]} */ ({ size });
  return { ...job, raw, uploaded_at: new Date(readIdTime(job.id)).toISOString() };
}

/** @param {string} id */
async function close(id) {
  try {
    await endBatch(id);
  } catch (problem) {
    showNote(formatProblem(problem), { kind: "bad" });
  }
}

/** @param {StoredImage} image */
function describeMember(image) {
  const job = getJob(image.state.value);
  if (job && isReusable(job)) return { source: `job:${job.id}` };
  const { name, size } = image;
  const method = size >= MULTIPART_BYTES ? "multipart" : "post";
  return { filename: name, content_type: "application/octet-stream", size, method };
}

/** @param {StoredImage[]} images */
function createName(images) {
  return `${images[0]?.name} and ${formatCount(images.length - 1, "other")}`.slice(0, 100);
}
