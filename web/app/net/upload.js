/** Uploads with progress. They use XMLHttpRequest, because fetch does not report upload progress in every browser. */

import { buildUrl, isReachable, sendAuthenticated } from "./http.js";
import { createOfflineProblem, Problem, parseProblem } from "./problem.js";

const BINARY = "application/octet-stream";

/** @typedef {(share: number) => void} Progress share from 0 to 1 */
/** @typedef {{image: string, onProgress: Progress, onWait: (problem: any) => void, signal: AbortSignal}} UploadOptions `image`: its key */
/** @typedef {{url: string, fields: Record<string, string>}} Form a presigned form */

/**
 * Send an image in the body of a request to the API.
 * @param {string} path @param {Blob} file
 * @param {{headers: Record<string, string>, onProgress: Progress, signal?: AbortSignal, method?: "POST"|"PUT"}} options
 * @returns {Promise<any>} the parsed response
 */
export async function sendBody(path, file, { headers, onProgress, signal, method = "POST" }) {
  // The server reads the type from the content. Another type could be one that the API interprets, such as text.
  const allHeaders = { "Content-Type": BINARY, ...headers };
  const response = await sendAuthenticated((credentials) =>
    send(method, buildUrl(path), file, { ...credentials, ...allHeaders }, onProgress, signal),
  );
  if (response.status >= 400)
    throw parseProblem(response.status, response.responseText, response.getResponseHeader("Retry-After"));
  return JSON.parse(response.responseText);
}

/**
 * Send a file to the bucket with a presigned form.
 * @param {Form} form @param {Blob} file
 * @param {{onProgress: Progress, signal?: AbortSignal}} options
 */
export async function sendForm({ url, fields }, file, { onProgress, signal }) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  // It must be last: S3 ignores fields after the file. A part has the type of its file, which is what its name says.
  form.append("file", file.slice(0, file.size, BINARY), "file");
  requireAccepted(await send("POST", url, form, {}, onProgress, signal));
}

/**
 * Send one part of a file to the bucket.
 * @param {{url: string, headers: Record<string, string>}} signed @param {Blob} body
 * @param {{onProgress: Progress, signal?: AbortSignal}} options
 */
export async function sendPart({ url, headers }, body, { onProgress, signal }) {
  requireAccepted(await send("PUT", url, body, headers, onProgress, signal));
}

/** Throw a Problem if S3 has refused an upload. @param {XMLHttpRequest} response */
function requireAccepted(response) {
  if (response.status < 400) return;
  // S3 responds with XML. Only its error code is useful.
  const code = /<Code>([A-Za-z]+)<\/Code>/.exec(response.responseText)?.[1] ?? `HTTP ${response.status}`;
  const retriable = response.status >= 500 || response.status === 429;
  throw new Problem({
    code: "UPLOAD_REFUSED",
    title: `The upload was rejected (${code}).`,
    status: response.status,
    retriable,
  });
}

/**
 * @param {string} method @param {string} url @param {Blob|FormData} body @param {Record<string, string>} headers
 * @param {Progress} onProgress @param {AbortSignal} [signal]
 * @returns {Promise<XMLHttpRequest>}
 */
function send(method, url, body, headers, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open(method, url);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    xhr.onload = () => {
      isReachable.value = true;
      resolve(xhr);
    };
    xhr.onerror = () => {
      isReachable.value = false;
      reject(createOfflineProblem());
    };
    xhr.onabort = () => reject(signal?.reason);
    if (signal?.aborted) return reject(signal.reason);
    signal?.addEventListener("abort", () => xhr.abort(), { once: true });
    xhr.send(body);
  });
}
