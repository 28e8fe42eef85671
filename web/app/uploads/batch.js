/** Uploads of a batch. Each image goes straight to the bucket with its own presigned form. */

import { announce, showNote } from "../base/announce.js";
import { formatCount } from "../base/format.js";
import { addToBatch, closeBatch, createBatch } from "../net/api.js";
import { Problem, formatProblem } from "../net/problem.js";
import { submit, followJob } from "./submission.js";
import { createLimiter } from "./limiter.js";
import { uploadBytes } from "./direct-upload.js";

const MAX_MEMBERS = 100; // per request
const MAX_CONCURRENT_UPLOADS = 4;

/**
 * @param {import("./queue.js").Queue} queue @param {import("./queue.js").Item[]} items
 * @param {import("../recipe/recipe.js").RecipeEditor} editor
 */
export async function sendBatch(queue, items, editor) {
  const limit = createLimiter(MAX_CONCURRENT_UPLOADS);
  for (const item of items) queue.update(item, { phase: "waiting" });
  let id = "";
  try {
    id = (await createBatch({ name: createName(items), ...editor.spec(), items: [] })).batch.id;
  } catch (problem) {
    return sendWithoutBatch(queue, items, editor, limit, problem);
  }
  announce(`Sending a batch of ${formatCount(items.length, "image")}`);
  const uploads = [];
  for (let start = 0; start < items.length; start += MAX_MEMBERS) {
    const part = items.slice(start, start + MAX_MEMBERS);
    uploads.push(...(await register(queue, id, part, limit)));
  }
  await Promise.allSettled([close(id), ...uploads]);
  showNote(`Sent ${formatCount(items.length, "image")}`);
  location.hash = `#/batches/${id}`;
}

/** Add items to the batch. Return one promise per upload. */
async function register(queue, id, items, limit) {
  let response;
  try {
    response = await addToBatch(id, { items: items.map(describeMember) });
  } catch (problem) {
    for (const item of items) queue.update(item, { phase: "lost", problem });
    return [];
  }
  return response.items.map(async ({ index, job, upload, error }) => {
    const item = items[index];
    if (error) return queue.update(item, { phase: "lost", problem: new Problem(error) });
    try {
      const options = {
        signal: item.stop.signal,
        onProgress: (share) => queue.update(item, { phase: "sending", share, retryProblem: null }),
        onWait: (retryProblem) => queue.update(item, { retryProblem }),
      };
      const confirmed = await limit(() => uploadBytes(job.id, upload, item.file, options));
      followJob(queue, item, confirmed);
    } catch (problem) {
      if (!item.stop.signal.aborted) queue.update(item, { phase: "lost", problem });
    }
  });
}

/** Send the images one by one if the API does not support batches (an older version). */
function sendWithoutBatch(queue, items, editor, limit, problem) {
  const unknown = problem instanceof Problem && problem.status === 404;
  if (unknown) return Promise.all(items.map((item) => submit(queue, item, editor.spec(), editor.limits, limit)));
  showNote(formatProblem(problem), "bad");
  for (const item of items) queue.update(item, { phase: "staged" });
  return undefined;
}

async function close(id) {
  try {
    await closeBatch(id);
  } catch (problem) {
    showNote(formatProblem(problem), "bad");
  }
}

function describeMember(item) {
  return { filename: item.name, content_type: item.file.type || "application/octet-stream", size: item.size };
}

function createName(items) {
  return `${items[0].name} and ${formatCount(items.length - 1, "other")}`.slice(0, 100);
}
