/** Single requests to the API, which return a response or throw a Problem. */

import { createOfflineProblem, parseProblem } from "./problem.js";

/** @typedef {{status: number, body: any, etag: string|null, retryAfter: number|null}} ApiResponse */

/** Creates the authentication headers; set once at start-up. @type {() => Promise<Record<string, string>>} */
let credentials = async () => ({});
let base = "";

/** @param {string} url @param {() => Promise<Record<string, string>>} createHeaders */
export function connect(url, createHeaders) {
  base = url;
  credentials = createHeaders;
}

/** @param {string} path */
export function buildUrl(path) {
  return `${base}/${path}`;
}

/** @returns {Promise<Record<string, string>>} */
export function createCredentials() {
  return credentials();
}

/**
 * @param {string} method @param {string} path relative to the API's URL
 * @param {{json?: any, headers?: Record<string, string>, signal?: AbortSignal, keepalive?: boolean}} [options]
 * @returns {Promise<ApiResponse>}
 */
export async function request(method, path, { json, headers = {}, signal, keepalive = false } = {}) {
  /** @type {Record<string, string>} */
  const allHeaders = { ...(await credentials()), ...headers };
  if (json !== undefined) allHeaders["Content-Type"] = "application/json";
  let response;
  let text;
  try {
    const body = json === undefined ? undefined : JSON.stringify(json);
    response = await fetch(buildUrl(path), {
      method,
      headers: allHeaders,
      body,
      signal,
      keepalive,
      cache: "no-store",
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw createOfflineProblem();
  }
  const retryAfter = response.headers.get("Retry-After");
  if (response.status >= 400) throw parseProblem(response.status, text, retryAfter);
  return {
    status: response.status,
    body: text ? JSON.parse(text) : null,
    etag: response.headers.get("ETag"),
    retryAfter: retryAfter === null ? null : Number(retryAfter),
  };
}
