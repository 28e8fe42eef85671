/** Direct uploads of images that are too large for a request body: create the job, then send the bytes with a presigned form. */

import { confirmUpload, createUpload, renewForm } from "../net/api.js";
import { runWithRetries } from "../net/retry.js";
import { sendForm } from "../net/upload.js";

const FORBIDDEN = 403;

/**
 * @param {File} file @param {any} spec
 * @param {{onProgress: (share: number) => void, onWait: (problem: any) => void, signal: AbortSignal}} how
 * @returns {Promise<any>} the job
 */
export async function uploadDirectly(file, spec, how) {
  const declaration = { filename: file.name, content_type: file.type || "application/octet-stream", size: file.size };
  const { upload, ...job } = await createUpload({ ...declaration, ...spec }, how);
  return uploadBytes(job.id, upload, file, how);
}

/**
 * Send the bytes of a job and confirm the upload. Request a new form if the first one has expired.
 * @param {string} id @param {any} upload @param {File} file
 * @param {{onProgress: (share: number) => void, onWait: (problem: any) => void, signal: AbortSignal}} how
 */
export async function uploadBytes(id, upload, file, how) {
  const send = (form) => runWithRetries(() => sendForm(form, file, how), how);
  try {
    await send(upload);
  } catch (problem) {
    if (problem?.status !== FORBIDDEN) throw problem;
    await send((await renewForm(id, how)).upload);
  }
  return confirmUpload(id, how);
}
