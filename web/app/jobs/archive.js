/** Download of many results as one zip file. The results are streamed into it one after the other. */

import { downloadZip } from "../vendor/client-zip.js";
import { createOfflineProblem } from "../net/problem.js";
import { getResultLink } from "../net/api.js";
import { runWithRetries } from "../net/retry.js";
import { saveBlob } from "./actions.js";
import { createNamer } from "./names.js";

/**
 * @typedef {{job: Job, folder: string}} Entry a job with a result
 * @typedef {{createWritable: () => Promise<WritableStream>}} Target
 */

/**
 * Let the user choose where to save a file, if the browser can write into it while the page still receives data.
 * @param {string} filename @returns {Promise<Target|null|undefined>} null if the browser cannot, undefined if the user cancels
 */
export async function chooseTarget(filename) {
  /** @type {((options: any) => Promise<Target>)|undefined} */
  const choose = /** @type {any} */ (window).showSaveFilePicker;
  if (!choose) return null;
  const types = [{ description: "Zip file", accept: { "application/zip": [".zip"] } }];
  try {
    return await choose.call(window, { suggestedName: filename, types });
  } catch (error) {
    return error instanceof DOMException && error.name === "AbortError" ? undefined : null;
  }
}

/**
 * Write the results to a target, which needs no memory, or let the browser download them when all have arrived.
 * @param {Entry[]} entries @param {string} filename @param {Target|null} target
 * @param {(done: number) => void} onProgress gets the number of images in the file so far
 */
export async function saveArchive(entries, filename, target, onProgress) {
  const response = downloadZip(readFiles(entries, onProgress));
  if (target && response.body) await response.body.pipeTo(await target.createWritable());
  else saveBlob(await response.blob(), filename);
}

/** @param {Entry[]} entries @param {(done: number) => void} onProgress */
async function* readFiles(entries, onProgress) {
  const nameFile = createNamer();
  let done = 0;
  for (const { job, folder } of entries) {
    for (const output of job.result?.outputs ?? []) {
      const { url, filename = output.name } = await getResultLink(job.id, output.name);
      const name = nameFile(folder ? `${folder}/${filename}` : filename);
      yield { name, input: await fetchResult(url), lastModified: new Date(job.timestamp) };
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
