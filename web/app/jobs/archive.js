/** Download of many results as one zip file. The results are streamed into it one after the other. */

import { downloadZip } from "../vendor/client-zip.js";
import { createOfflineProblem } from "../net/problem.js";
import { getResultLink } from "../net/api.js";
import { runWithRetries } from "../net/retry.js";
import { saveUrl } from "./actions.js";
import { createNamer } from "./names.js";

const KEPT_MILLISECONDS = 60_000;

/**
 * @param {Array<{job: Job, folder: string}>} entries jobs with a result
 * @param {string} filename
 * @param {(done: number) => void} onProgress gets the number of images in the file so far
 */
export async function downloadArchive(entries, filename, onProgress) {
  const blob = await downloadZip(readFiles(entries, onProgress)).blob();
  const url = URL.createObjectURL(blob);
  saveUrl(url, filename);
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MILLISECONDS);
}

/** @param {Array<{job: Job, folder: string}>} entries @param {(done: number) => void} onProgress */
async function* readFiles(entries, onProgress) {
  const nameFile = createNamer();
  let done = 0;
  for (const { job, folder } of entries) {
    for (const output of job.result?.outputs ?? []) {
      const { url, filename = output.name } = await getResultLink(job.id, output.name);
      const name = nameFile(folder ? `${folder}/${filename}` : filename);
      yield {
        name,
        input: await fetchResult(url),
        lastModified: new Date(job.timestamp),
      };
    }
    onProgress((done += 1));
  }
}

/** @param {string} url @returns {Promise<Response>} */
function fetchResult(url) {
  return runWithRetries(async () => {
    const response = await fetch(url).catch(() => null);
    if (!response?.ok) throw createOfflineProblem();
    return response;
  });
}
