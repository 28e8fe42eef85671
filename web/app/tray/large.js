/** A picture that is too large for the body of a request: a job that waits for it, and a signed form for the bytes. */

import { confirmUpload, createUpload, freshForm } from "../net/api.js";
import { retrying } from "../net/retrying.js";
import { sendForm } from "../net/sending.js";

const FORBIDDEN = 403;

/**
 * @param {File} file @param {any} wanted
 * @param {{onProgress: (share: number) => void, onWait: (problem: any) => void, signal: AbortSignal}} how
 * @returns {Promise<any>} the job
 */
export async function sendLarge(file, wanted, how) {
  const described = { filename: file.name, content_type: file.type || "application/octet-stream", size: file.size };
  const { upload, ...job } = await createUpload({ ...described, ...wanted }, how);
  return sendTo(job.id, upload, file, how);
}

/**
 * Send the bytes of a job that waits for them, then say so. Where the form's time is up a fresh one is asked for.
 * @param {string} id @param {any} upload @param {File} file
 * @param {{onProgress: (share: number) => void, onWait: (problem: any) => void, signal: AbortSignal}} how
 */
export async function sendTo(id, upload, file, how) {
  const send = (form) => retrying(() => sendForm(form, file, how), how);
  try {
    await send(upload);
  } catch (problem) {
    if (problem?.status !== FORBIDDEN) throw problem;
    await send((await freshForm(id, how)).upload);
  }
  return confirmUpload(id, how);
}
