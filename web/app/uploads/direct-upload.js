/** Direct uploads of images that are too large for a request body: create the job, then send the bytes with a presigned form, or in parts. */

import { confirmUpload, createUpload, renewForm } from "../net/api.js";
import { Problem } from "../net/problem.js";
import { loadModule, runWithRetries } from "../net/retry.js";
import { sendForm } from "../net/upload.js";

const FORBIDDEN = 403;
/** Files of this many bytes or more are sent in parts. The Python client has the same limit. */
export const MULTIPART_BYTES = 16 * 1024 * 1024;

/**
 * @param {File} file @param {any} spec
 * @param {import("../net/upload.js").UploadOptions} options
 * @returns {Promise<Job>}
 */
export async function uploadDirectly(file, spec, options) {
  if (file.size >= MULTIPART_BYTES) return uploadLarge(file, spec, options);
  const declaration = {
    filename: file.name,
    content_type: "application/octet-stream",
    size: file.size,
  };
  const { upload, ...job } = await createUpload({ ...declaration, ...spec }, options);
  await sendBytes(job.id, upload, file, options);
  return confirmUpload(job.id, options);
}

/**
 * Send the bytes of a job. Request a new form if the first one has expired.
 * @param {string} id @param {import("../net/upload.js").Form} upload @param {File} file
 * @param {import("../net/upload.js").UploadOptions} options
 */
export async function sendBytes(id, upload, file, options) {
  const send = (/** @type {import("../net/upload.js").Form} */ form) =>
    runWithRetries(() => sendForm(form, file, options), options);
  try {
    await send(upload);
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.status !== FORBIDDEN) throw problem;
    await send((await renewForm(id, options)).upload);
  }
}

/**
 * Send a large file in parts, for a new job or for `member`.
 * @param {File} file @param {JobSpec} spec @param {import("../net/upload.js").UploadOptions} options @param {string} [member]
 */
export async function uploadLarge(file, spec, options, member) {
  const { uploadInParts } = await loadModule(() => import("./parts.js"), options);
  return uploadInParts(file, spec, options, member);
}
