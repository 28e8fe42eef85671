/** Actions on jobs: retry, cancel and download. */

import { announce, showNote } from "../base/announce.js";
import { isolate } from "../base/format.js";
import { cancel, getResultLink, retry } from "../net/api.js";
import { formatProblem } from "../net/problem.js";

/** How long a file that is saved stays readable: some browsers start to read it late. */
const KEPT_MILLISECONDS = 60_000;
const RETRYABLE_STATUSES = new Set(["FAILED", "CANCELLED"]);

/** @param {Job} job */
export const isRetryable = (job) => RETRYABLE_STATUSES.has(job.status);

/** Return true if another version of an image can be a new job from the stored image of its job. @param {Job|null} job */
export const isReusable = (job) => job !== null && job.done && !isRetryable(job);

/** @param {Job} job @param {(job: Job) => void} onJob */
export function retryJob(job, onJob) {
  return reportProblems(async () => {
    onJob(await retry(job.id));
    announce(`${isolate(job.filename)} is being retried`);
  });
}

/** @param {Job} job @param {(job: Job) => void} onJob */
export function cancelJob(job, onJob) {
  return reportProblems(async () => {
    onJob(await cancel(job.id));
    announce(`${isolate(job.filename)} was canceled`);
  });
}

/** Download a result. @param {string} id @param {string} [output] */
export function download(id, output) {
  return reportProblems(async () => {
    const { url, filename } = await getResultLink(id, output);
    saveUrl(url, filename ?? "");
  });
}

/** Let the browser save what is at a URL. @param {string} url @param {string} filename */
export function saveUrl(url, filename) {
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.download = filename;
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
}

/** Let the browser save a file that the page has made. @param {Blob} blob @param {string} filename */
export function saveBlob(blob, filename) {
  const url = URL.createObjectURL(blob);
  saveUrl(url, filename);
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MILLISECONDS);
}

/** @param {() => Promise<void>} action */
export async function reportProblems(action) {
  try {
    await action();
  } catch (problem) {
    showNote(formatProblem(problem), { kind: "bad" });
  }
}
