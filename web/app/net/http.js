/** Single requests to the API, which return a response or throw a Problem. */

import { signal as createSignal } from "../vendor/preact.js";
import { createOfflineProblem, parseProblem } from "./problem.js";

/** @typedef {{status: number, body: any, etag: string|null, retryAfter: number|null}} ApiResponse */

/** Creates the authentication headers; set once at start-up. @type {() => Promise<Record<string, string>>} */
let credentials = async () => ({});
/** Called with the authentication headers that the API rejected. It returns true if others can be tried. */
let replaceCredentials = async (/** @type {Record<string, string>} */ _rejected) => false;
let base = "";

/** Whether the last request got a response. */
export const isReachable = createSignal(true);

const UNAUTHENTICATED = 401;

/**
 * @param {string} url @param {() => Promise<Record<string, string>>} createHeaders
 * @param {(rejected: Record<string, string>) => Promise<boolean>} [onRejected]
 */
export function connect(url, createHeaders, onRejected = async () => false) {
  base = url;
  credentials = createHeaders;
  replaceCredentials = onRejected;
}

/** @param {string} path */
export function buildUrl(path) {
  return `${base}/${path}`;
}

/**
 * Send a request with the authentication headers, and again with new ones if the API rejects them.
 * @template {{status: number}} T
 * @param {(headers: Record<string, string>) => Promise<T>} send @returns {Promise<T>}
 */
export async function sendAuthenticated(send) {
  const headers = await credentials();
  const response = await send(headers);
  if (response.status !== UNAUTHENTICATED || !(await replaceCredentials(headers))) return response;
  return send(await credentials());
}

/**
 * @param {string} method @param {string} path relative to the API's URL
 * @param {{json?: any, headers?: Record<string, string>, signal?: AbortSignal, keepalive?: boolean}} [options]
 * @returns {Promise<ApiResponse>}
 */
export async function request(method, path, { json, headers = {}, signal, keepalive = false } = {}) {
  const body = json === undefined ? undefined : JSON.stringify(json);
  /** @type {Record<string, string>} */
  const type = json === undefined ? {} : { "Content-Type": "application/json" };
  const send = async (/** @type {Record<string, string>} */ credentialHeaders) => {
    const allHeaders = { ...credentialHeaders, ...type, ...headers };
    const options = { method, headers: allHeaders, body, signal, keepalive, cache: /** @type {const} */ ("no-store") };
    try {
      const received = await fetch(buildUrl(path), options);
      const content = await received.text();
      isReachable.value = true;
      return { status: received.status, text: content, headers: received.headers };
    } catch (error) {
      if (signal?.aborted) throw error;
      isReachable.value = false;
      throw createOfflineProblem();
    }
  };
  const response = await sendAuthenticated(send);
  const { text } = response;
  const retryAfter = response.headers.get("Retry-After");
  if (response.status >= 400) throw parseProblem(response.status, text, retryAfter);
  return {
    status: response.status,
    body: text ? JSON.parse(text) : null,
    etag: response.headers.get("ETag"),
    retryAfter: retryAfter === null ? null : Number(retryAfter),
  };
}
