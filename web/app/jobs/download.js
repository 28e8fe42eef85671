/** Downloads of results. Each one requests a new link, because links expire. */

import { showNote } from "../base/announce.js";
import { el } from "../base/dom.js";
import { createIcon } from "../base/icons.js";
import { getResultLink } from "../net/api.js";
import { formatProblem } from "../net/problem.js";

/** @param {string} id @param {string} [output] */
export async function download(id, output) {
  try {
    const { url, filename } = await getResultLink(id, output);
    const anchor = el("a", { href: url, download: filename ?? "" });
    document.body.append(anchor);
    anchor.click();
    anchor.remove();
  } catch (problem) {
    showNote(formatProblem(problem), "bad");
  }
}

/** @param {any} job @param {{output?: string, small?: boolean}} [options] */
export function createDownloadButton(job, { output, small = false } = {}) {
  return el("button", {
    class: small ? "button button-small" : "button button-primary",
    "aria-label": `Download ${output && job.result.outputs.length > 1 ? `${output} of ` : ""}${job.filename}`,
    onClick: () => download(job.id, output),
  }, createIcon("download"), "Download");
}
