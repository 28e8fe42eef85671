/** Buttons for the actions that a job's status allows. */

import { announce, showNote } from "../base/announce.js";
import { confirmAction } from "../base/confirmation.js";
import { el } from "../base/dom.js";
import { createIcon } from "../base/icons.js";
import { cancel, remove, retry } from "../net/api.js";
import { formatProblem } from "../net/problem.js";
import { forgetOriginal } from "../uploads/originals.js";

const RETRYABLE_STATUSES = new Set(["FAILED", "CANCELLED"]);

/**
 * @param {any} job
 * @param {{onJob: (job: any) => void, onDeleted: () => void}} on
 */
export function createJobButtons(job, { onJob, onDeleted }) {
  return [
    RETRYABLE_STATUSES.has(job.status) && createButton("retry", "Retry", job, () => retryJob(job, onJob)),
    !job.done && createButton("close", "Cancel", job, () => cancelJob(job, onJob)),
    job.done && createButton("trash", "Delete", job, () => deleteJob(job, onDeleted)),
  ];
}

async function retryJob(job, onJob) {
  await reportProblems(async () => {
    onJob(await retry(job.id));
    announce(`${job.filename} is being retried`);
  });
}

async function cancelJob(job, onJob) {
  await reportProblems(async () => {
    onJob(await cancel(job.id));
    announce(`${job.filename} was canceled`);
  });
}

async function deleteJob(job, onDeleted) {
  const confirmed = await confirmAction({
    title: "Delete this image?",
    text: `${job.filename}, its results and its history entry are deleted permanently. Links to them stop actioning.`,
    yes: "Delete",
  });
  if (!confirmed) return;
  await reportProblems(async () => {
    await remove(job.id);
    forgetOriginal(job.id);
    onDeleted();
    showNote(`${job.filename} was deleted`);
  });
}

async function reportProblems(action) {
  try {
    await action();
  } catch (problem) {
    showNote(formatProblem(problem), "bad");
  }
}

function createButton(iconName, name, job, onClick) {
  return el("button", { class: "button button-small", "aria-label": `${name} ${job.filename}`, onClick }, createIcon(iconName), name);
}
