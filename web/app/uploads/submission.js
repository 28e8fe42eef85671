/** Submission of one image, in the request body or with a presigned form, and polling of its job. */

import { createJob } from "../net/api.js";
import { Problem } from "../net/problem.js";
import { watchJob } from "../net/job-watcher.js";
import { toTextOptions } from "../recipe/snippets.js";
import { uploadDirectly } from "./direct-upload.js";
import { storeOriginal } from "./originals.js";

/**
 * @param {import("./queue.js").Queue} queue @param {import("./queue.js").Item} item
 * @param {any} spec the job spec: a preset or a pipeline @param {{max_raw_bytes: number, max_body_bytes: number}} limits
 * @param {(work: () => Promise<any>) => Promise<any>} limit
 */
export async function submit(queue, item, spec, limits, limit) {
  queue.update(item, { phase: "waiting", share: 0, problem: null, retryProblem: null });
  try {
    const job = await limit(() => send(queue, item, spec, limits));
    followJob(queue, item, job);
  } catch (problem) {
    markLost(queue, item, problem);
  }
}

/** Poll an existing job until it is done. @param {import("./queue.js").Queue} queue @param {import("./queue.js").Item} item @param {any} job */
export async function followJob(queue, item, job) {
  if (item.file && item.url) storeOriginal(job.id, item.file, item.url);
  queue.update(item, { job, phase: job.done ? "done" : "working", share: 1, retryProblem: null, problem: null });
  if (job.done) return;
  try {
    const latest = await watchJob(job.id, {
      signal: item.stop.signal,
      onJob: (seen) => queue.update(item, { job: seen }),
      onProblem: (retryProblem) => queue.update(item, { retryProblem }),
    });
    queue.update(item, { phase: latest?.done ? "done" : "working", retryProblem: latest?.done ? null : createDelayProblem() });
  } catch (problem) {
    markLost(queue, item, problem);
  }
}

function send(queue, item, spec, limits) {
  if (item.size > limits.max_raw_bytes) {
    throw new Problem({ code: "TOO_MANY_BYTES", title: `${item.name} is larger than this Safelight accepts.` });
  }
  const options = {
    signal: item.stop.signal,
    onProgress: (share) => queue.update(item, { phase: "sending", share, retryProblem: null }),
    onWait: (retryProblem) => queue.update(item, { retryProblem }),
  };
  queue.update(item, { phase: "sending" });
  if (item.size <= limits.max_body_bytes) return createJob(item.file, toTextOptions(spec), options);
  return uploadDirectly(item.file, spec, options);
}

function markLost(queue, item, problem) {
  if (item.stop.signal.aborted) return; // the user has removed the item
  queue.update(item, { phase: "lost", problem, retryProblem: null });
}

const createDelayProblem = () => new Problem({ code: "STILL_OPEN", title: "This is taking long. Check the history later." });
