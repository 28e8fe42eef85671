/** Many pictures at once: one batch, each sent straight to the bucket by its own signed form. */

import { announce, note } from "../base/announce.js";
import { counted } from "../base/format.js";
import { addToBatch, closeBatch, createBatch } from "../net/api.js";
import { Problem, sentence } from "../net/problem.js";
import { develop, follow } from "./developing.js";
import { gate } from "./gate.js";
import { sendTo } from "./large.js";

const MEMBERS = 100; // of one call
const AT_ONCE = 4;

/**
 * @param {import("./tray.js").Tray} tray @param {import("./tray.js").Item[]} items
 * @param {import("../recipe/recipe.js").Bench} bench
 */
export async function sendBatch(tray, items, bench) {
  const through = gate(AT_ONCE);
  for (const item of items) tray.update(item, { phase: "waiting" });
  let id = "";
  try {
    id = (await createBatch({ name: nameOf(items), ...bench.wanted(), items: [] })).batch.id;
  } catch (problem) {
    return withoutBatch(tray, items, bench, through, problem);
  }
  announce(`A batch of ${counted(items.length, "picture")} begins`);
  const sent = [];
  for (let start = 0; start < items.length; start += MEMBERS) {
    const part = items.slice(start, start + MEMBERS);
    sent.push(...(await register(tray, id, part, through)));
  }
  await Promise.allSettled([closing(id), ...sent]);
  note(`All ${counted(items.length, "picture")} are on their way`);
  location.hash = `#/batches/${id}`;
}

/** Register some members; return the sending of their bytes. */
async function register(tray, id, items, through) {
  let answer;
  try {
    answer = await addToBatch(id, { items: items.map(member) });
  } catch (problem) {
    for (const item of items) tray.update(item, { phase: "lost", problem });
    return [];
  }
  return answer.items.map(async ({ index, job, upload, error }) => {
    const item = items[index];
    if (error) return tray.update(item, { phase: "lost", problem: new Problem(error) });
    try {
      const how = {
        signal: item.stop.signal,
        onProgress: (share) => tray.update(item, { phase: "sending", share, trouble: null }),
        onWait: (trouble) => tray.update(item, { trouble }),
      };
      const confirmed = await through(() => sendTo(job.id, upload, item.file, how));
      follow(tray, item, confirmed);
    } catch (problem) {
      if (!item.stop.signal.aborted) tray.update(item, { phase: "lost", problem });
    }
  });
}

/** A Safelight of an older version knows no batches; the pictures go one by one then. */
function withoutBatch(tray, items, bench, through, problem) {
  const unknown = problem instanceof Problem && problem.status === 404;
  if (unknown) return Promise.all(items.map((item) => develop(tray, item, bench.wanted(), bench.limits, through)));
  note(sentence(problem), "bad");
  for (const item of items) tray.update(item, { phase: "staged" });
  return undefined;
}

async function closing(id) {
  try {
    await closeBatch(id);
  } catch (problem) {
    note(sentence(problem), "bad");
  }
}

function member(item) {
  return { filename: item.name, content_type: item.file.type || "application/octet-stream", size: item.size };
}

function nameOf(items) {
  return `${items[0].name} and ${counted(items.length - 1, "other")}`.slice(0, 100);
}
