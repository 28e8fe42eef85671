/** Reading of many known jobs with few requests. */

import { getJob, listJobs } from "./api.js";

const MAX_SINGLE = 3;
const PAGE = "100";
/** Listings can miss jobs that are younger than this. */
const LISTED_MILLISECONDS = 30_000;
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; // pragma: allowlist secret
const TIME_CHARACTERS = 10;

/** Return the time at which a job was created, from its ID, a ULID. @param {string} id @returns {number} milliseconds since the epoch */
export function readIdTime(id) {
  return [...id.slice(0, TIME_CHARACTERS)].reduce((time, each) => time * 32 + ALPHABET.indexOf(each), 0);
}

/**
 * Return jobs by their IDs, without those that were deleted or cannot be read.
 * @param {string[]} ids @returns {Promise<Map<string, Job>>}
 */
export async function readJobs(ids) {
  /** @type {Map<string, Job>} */
  const found = new Map();
  const readEach = async (/** @type {string[]} */ missing) => {
    for (const job of await Promise.all(missing.map((id) => getJob(id).catch(() => null))))
      if (job) found.set(job.id, job);
  };
  if (ids.length <= MAX_SINGLE) {
    await readEach(ids);
    return found;
  }
  const wanted = new Set(ids);
  const since = new Date(Math.min(...ids.map(readIdTime))).toISOString();
  try {
    let cursor = "";
    do {
      const page = await listJobs({ since, limit: PAGE, cursor });
      for (const job of page.jobs) if (wanted.has(job.id)) found.set(job.id, job);
      cursor = page.next_cursor ?? "";
    } while (cursor && found.size < wanted.size);
  } catch {
    return found; // the server cannot be reached; the history shows the jobs later
  }
  await readEach(ids.filter((id) => !found.has(id) && readIdTime(id) > Date.now() - LISTED_MILLISECONDS));
  return found;
}
