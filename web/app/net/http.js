/** One request to the API: an answer, or a Problem. */

import { offline, problemFrom } from "./problem.js";

/** @typedef {{status: number, body: any, etag: string|null, retryAfter: number|null}} Answer */

/** Adds what proves who asks; set once at the start. @type {() => Promise<Record<string, string>>} */
let credentials = async () => ({});
let base = "";

/** @param {string} url @param {() => Promise<Record<string, string>>} prove */
export function connect(url, prove) {
  base = url;
  credentials = prove;
}

/** @param {string} path */
export function address(path) {
  return `${base}/${path}`;
}

/** @returns {Promise<Record<string, string>>} */
export function proof() {
  return credentials();
}

/**
 * @param {string} method @param {string} path below the API's address
 * @param {{json?: any, headers?: Record<string, string>, signal?: AbortSignal}} [options]
 * @returns {Promise<Answer>}
 */
export async function request(method, path, { json, headers = {}, signal } = {}) {
  const sent = { ...(await credentials()), ...headers };
  if (json !== undefined) sent["Content-Type"] = "application/json";
  let response;
  let text;
  try {
    const body = json === undefined ? undefined : JSON.stringify(json);
    response = await fetch(address(path), { method, headers: sent, body, signal, cache: "no-store" });
    text = await response.text();
  } catch (fault) {
    if (signal?.aborted) throw fault;
    throw offline();
  }
  const retryAfter = response.headers.get("Retry-After");
  if (response.status >= 400) throw problemFrom(response.status, text, retryAfter);
  return {
    status: response.status,
    body: text ? JSON.parse(text) : null,
    etag: response.headers.get("ETag"),
    retryAfter: retryAfter === null ? null : Number(retryAfter),
  };
}
