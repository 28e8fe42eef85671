/** What an owner may do to a job, as buttons: only what its state allows. */

import { announce, note } from "../base/announce.js";
import { ask } from "../base/ask.js";
import { el } from "../base/dom.js";
import { icon } from "../base/icons.js";
import { cancel, remove, retry } from "../net/api.js";
import { sentence } from "../net/problem.js";
import { forgetOriginal } from "../tray/originals.js";

const RETRIABLE = new Set(["FAILED", "CANCELLED"]);

/**
 * @param {any} job
 * @param {{onJob: (job: any) => void, onGone: () => void}} on
 */
export function jobButtons(job, { onJob, onGone }) {
  return [
    RETRIABLE.has(job.status) && button("retry", "Retry", job, () => retryJob(job, onJob)),
    !job.done && button("close", "Cancel", job, () => cancelJob(job, onJob)),
    job.done && button("trash", "Delete", job, () => deleteJob(job, onGone)),
  ];
}

async function retryJob(job, onJob) {
  await attempt(async () => {
    onJob(await retry(job.id));
    announce(`${job.filename} begins again`);
  });
}

async function cancelJob(job, onJob) {
  await attempt(async () => {
    onJob(await cancel(job.id));
    announce(`${job.filename} is cancelled`);
  });
}

async function deleteJob(job, onGone) {
  const sure = await ask({
    title: "Delete this picture?",
    text: `${job.filename}, its results and its record are removed for good. Links to them stop working.`,
    yes: "Delete",
  });
  if (!sure) return;
  await attempt(async () => {
    await remove(job.id);
    forgetOriginal(job.id);
    onGone();
    note(`${job.filename} is deleted`);
  });
}

async function attempt(work) {
  try {
    await work();
  } catch (problem) {
    note(sentence(problem), "bad");
  }
}

function button(drawing, name, job, onClick) {
  return el("button", { type: "button", class: "button button-small", "aria-label": `${name} ${job.filename}`, onClick }, icon(drawing), name);
}
