/** Saves results: with a fresh link each time, because links live only for a while. */

import { note } from "../base/announce.js";
import { el } from "../base/dom.js";
import { icon } from "../base/icons.js";
import { link } from "../net/api.js";
import { sentence } from "../net/problem.js";

/** @param {string} id @param {string} [output] */
export async function download(id, output) {
  try {
    const { url, filename } = await link(id, output);
    const anchor = el("a", { href: url, download: filename ?? "" });
    document.body.append(anchor);
    anchor.click();
    anchor.remove();
  } catch (problem) {
    note(sentence(problem), "bad");
  }
}

/** @param {any} job @param {{output?: string, small?: boolean}} [options] */
export function downloadButton(job, { output, small = false } = {}) {
  return el("button", {
    type: "button", class: small ? "button button-small" : "button button-primary",
    "aria-label": `Download ${output && job.result.outputs.length > 1 ? `${output} of ` : ""}${job.filename}`,
    onClick: () => download(job.id, output),
  }, icon("download"), "Download");
}
