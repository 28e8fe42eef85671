/** Batches: many images that the server counts together. */

import { announce, showNote } from "../base/announce.js";
import { formatCount } from "../base/format.js";
import { isReusable } from "../jobs/actions.js";
import { addToBatch, closeBatch, createBatch } from "../net/api.js";
import { Problem, formatProblem } from "../net/problem.js";
import { getJob } from "../store/images.js";
import { MULTIPART_BYTES, uploadBytes, uploadLarge } from "./direct-upload.js";

const MAX_MEMBERS = 100; // per request

/** @typedef {import("../store/images.js").StoredImage} StoredImage */

/**
 * Send images as one batch.
 * @param {StoredImage[]} images @param {JobSpec} spec
 * @param {{fail: (image: StoredImage, problem: unknown) => void,
 *   upload: (image: StoredImage, send: (options: import("../net/upload.js").UploadOptions) => Promise<Job>) => Promise<void>,
 *   follow: (image: StoredImage, job: Job) => Promise<void>, send: (image: StoredImage) => Promise<void>}} on
 * `send` processes an image alone, without the batch
 * @returns {Promise<boolean>} false if this Safelight has no batches
 */
export async function sendBatch(images, spec, on) {
  let id;
  try {
    id = (await createBatch({ name: createName(images), ...spec, items: [] })).batch.id;
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 404) return false;
    for (const each of images) on.fail(each, problem);
    return true;
  }
  announce(`Sending a batch of ${formatCount(images.length, "image")}`);
  const uploads = [];
  for (let start = 0; start < images.length; start += MAX_MEMBERS) {
    uploads.push(...(await register(id, images.slice(start, start + MAX_MEMBERS), spec, on)));
  }
  await Promise.all([close(id), ...uploads]);
  return true;
}

/** Add images to the batch. Return one promise per upload. @param {string} id @param {StoredImage[]} images @param {JobSpec} spec @param {Parameters<typeof sendBatch>[2]} on */
async function register(id, images, spec, on) {
  let members;
  try {
    members = (await addToBatch(id, { items: images.map(describeMember) })).items;
  } catch (problem) {
    for (const each of images) on.fail(each, problem);
    return [];
  }
  return members.map(async ({ index, job, upload, multipart, error }) => {
    const image = images[index];
    if (!image) return;
    const { file } = image;
    // Another version may have the image, or the page may have the file.
    if (isReusable(getJob(image.state.value))) return error || !job ? on.send(image) : void on.follow(image, job);
    if (error || !job || !file) return on.fail(image, new Problem(error ?? { code: "UPLOAD_REFUSED" }));
    if (multipart) return on.upload(image, (options) => uploadLarge(file, spec, options, job.id));
    if (!upload) return on.fail(image, new Problem({ code: "UPLOAD_REFUSED" }));
    return on.upload(image, (options) => uploadBytes(job.id, upload, file, options));
  });
}

/** @param {string} id */
async function close(id) {
  try {
    await closeBatch(id);
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
