/** Takes one picture from the tray to its result: sent in the body where it fits, else by a signed form. */

import { createJob } from "../net/api.js";
import { Problem } from "../net/problem.js";
import { watchJob } from "../net/watching.js";
import { inText } from "../recipe/snippets.js";
import { sendLarge } from "./large.js";
import { keepOriginal } from "./originals.js";

/**
 * @param {import("./tray.js").Tray} tray @param {import("./tray.js").Item} item
 * @param {any} wanted a preset or a pipeline @param {{max_raw_bytes: number, max_body_bytes: number}} limits
 * @param {(work: () => Promise<any>) => Promise<any>} through
 */
export async function develop(tray, item, wanted, limits, through) {
  tray.update(item, { phase: "waiting", share: 0, problem: null, trouble: null });
  try {
    const job = await through(() => send(tray, item, wanted, limits));
    follow(tray, item, job);
  } catch (problem) {
    lose(tray, item, problem);
  }
}

/** Follow a job that is there already. @param {import("./tray.js").Tray} tray @param {import("./tray.js").Item} item @param {any} job */
export async function follow(tray, item, job) {
  if (item.file && item.url) keepOriginal(job.id, item.file, item.url);
  tray.update(item, { job, phase: job.done ? "done" : "working", share: 1, trouble: null, problem: null });
  if (job.done) return;
  try {
    const latest = await watchJob(job.id, {
      signal: item.stop.signal,
      onJob: (seen) => tray.update(item, { job: seen }),
      onTrouble: (trouble) => tray.update(item, { trouble }),
    });
    tray.update(item, { phase: latest?.done ? "done" : "working", trouble: latest?.done ? null : tooLong() });
  } catch (problem) {
    lose(tray, item, problem);
  }
}

function send(tray, item, wanted, limits) {
  if (item.size > limits.max_raw_bytes) {
    throw new Problem({ code: "TOO_MANY_BYTES", title: `${item.name} is larger than this Safelight takes.` });
  }
  const how = {
    signal: item.stop.signal,
    onProgress: (share) => tray.update(item, { phase: "sending", share, trouble: null }),
    onWait: (trouble) => tray.update(item, { trouble }),
  };
  tray.update(item, { phase: "sending" });
  if (item.size <= limits.max_body_bytes) return createJob(item.file, inText(wanted), how);
  return sendLarge(item.file, wanted, how);
}

function lose(tray, item, problem) {
  if (item.stop.signal.aborted) return; // its owner has taken it away
  tray.update(item, { phase: "lost", problem, trouble: null });
}

const tooLong = () => new Problem({ code: "STILL_OPEN", title: "This takes long. The history knows when it is done." });
