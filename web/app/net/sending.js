/** Sends a file and says how far it is. Only XMLHttpRequest tells that in every browser. */

import { address, proof } from "./http.js";
import { offline, Problem, problemFrom } from "./problem.js";

/** @typedef {(share: number) => void} Progress of 1 */

/**
 * Send a picture in the body of one request to the API.
 * @param {string} path @param {Blob} file
 * @param {{headers: Record<string, string>, onProgress: Progress, signal?: AbortSignal}} options
 * @returns {Promise<any>} the answer's JSON
 */
export async function sendBody(path, file, { headers, onProgress, signal }) {
  const all = { "Content-Type": file.type || "application/octet-stream", ...(await proof()), ...headers };
  const sent = await send(address(path), file, all, onProgress, signal);
  if (sent.status >= 400) throw problemFrom(sent.status, sent.responseText, sent.getResponseHeader("Retry-After"));
  return JSON.parse(sent.responseText);
}

/**
 * Send a file by a signed form, straight to the bucket.
 * @param {{url: string, fields: Record<string, string>}} upload @param {Blob} file
 * @param {{onProgress: Progress, signal?: AbortSignal}} options
 */
export async function sendForm({ url, fields }, file, { onProgress, signal }) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file); // last: S3 ignores what follows it
  const sent = await send(url, form, {}, onProgress, signal);
  if (sent.status < 400) return;
  // S3 answers in XML, of which only the code is of use.
  const code = /<Code>([A-Za-z]+)<\/Code>/.exec(sent.responseText)?.[1] ?? `HTTP ${sent.status}`;
  const retriable = sent.status >= 500 || sent.status === 429;
  throw new Problem({ code: "UPLOAD_REFUSED", title: `The upload was refused (${code}).`, status: sent.status, retriable });
}

function send(url, body, headers, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest();
    call.open("POST", url);
    for (const [name, value] of Object.entries(headers)) call.setRequestHeader(name, value);
    call.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    call.onload = () => resolve(call);
    call.onerror = () => reject(offline());
    call.onabort = () => reject(signal?.reason);
    if (signal?.aborted) return reject(signal.reason);
    signal?.addEventListener("abort", () => call.abort(), { once: true });
    call.send(body);
  });
}
