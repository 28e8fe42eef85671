/** Uploads with progress. They use XMLHttpRequest, because fetch does not report upload progress in every browser. */

import { buildUrl, createCredentials } from "./http.js";
import { createOfflineProblem, Problem, parseProblem } from "./problem.js";

/** @typedef {(share: number) => void} Progress share from 0 to 1 */

/**
 * Send an image in the body of a request to the API.
 * @param {string} path @param {Blob} file
 * @param {{headers: Record<string, string>, onProgress: Progress, signal?: AbortSignal}} options
 * @returns {Promise<any>} the parsed response
 */
export async function sendBody(path, file, { headers, onProgress, signal }) {
  const all = { "Content-Type": file.type || "application/octet-stream", ...(await createCredentials()), ...headers };
  const sent = await send(buildUrl(path), file, all, onProgress, signal);
  if (sent.status >= 400) throw parseProblem(sent.status, sent.responseText, sent.getResponseHeader("Retry-After"));
  return JSON.parse(sent.responseText);
}

/**
 * Send a file to the bucket with a presigned form.
 * @param {{url: string, fields: Record<string, string>}} upload @param {Blob} file
 * @param {{onProgress: Progress, signal?: AbortSignal}} options
 */
export async function sendForm({ url, fields }, file, { onProgress, signal }) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file); // must be last: S3 ignores fields after the file
  const sent = await send(url, form, {}, onProgress, signal);
  if (sent.status < 400) return;
  // S3 responds with XML. Only its error code is useful.
  const code = /<Code>([A-Za-z]+)<\/Code>/.exec(sent.responseText)?.[1] ?? `HTTP ${sent.status}`;
  const retriable = sent.status >= 500 || sent.status === 429;
  throw new Problem({ code: "UPLOAD_REFUSED", title: `The upload was rejected (${code}).`, status: sent.status, retriable });
}

function send(url, body, headers, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest();
    call.open("POST", url);
    for (const [name, value] of Object.entries(headers)) call.setRequestHeader(name, value);
    call.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    call.onload = () => resolve(call);
    call.onerror = () => reject(createOfflineProblem());
    call.onabort = () => reject(signal?.reason);
    if (signal?.aborted) return reject(signal.reason);
    signal?.addEventListener("abort", () => call.abort(), { once: true });
    call.send(body);
  });
}
