/** One function per API endpoint. Each throws a Problem; idempotent requests are retried. */

import { createToken } from "../base/random.js";
import { request } from "./http.js";
import { runWithRetries } from "./retry.js";
import { sendBody } from "./upload.js";

const get = (path, options = {}) => runWithRetries(() => request("GET", path, options), options);
const query = (values) => new URLSearchParams(Object.entries(values).filter(([, value]) => value)).toString();
const part = encodeURIComponent;

/** Send a POST request. All attempts share one key, so a request whose response was lost does not run twice. */
function post(path, json, options = {}) {
  const headers = { "Idempotency-Key": createToken() };
  return runWithRetries(() => request("POST", path, { json, headers, signal: options.signal }), options);
}

export const getCapabilities = async () => (await get("capabilities")).body;
export const listPresets = async () => (await get("presets")).body.presets;
export const savePreset = async (name, pipeline) =>
  (await request("PUT", `presets/${part(name)}`, { json: { pipeline } })).body;

/** @param {any} body @param {AbortSignal} signal */
export const requestPlan = async (body, signal) => (await request("POST", "plan", { json: body, signal })).body;

/** @param {Record<string, string|undefined>} filters */
export const listJobs = async (filters) => (await get(`jobs?${query(filters)}`)).body;
/** @param {string} id @param {{etag?: string|null, signal?: AbortSignal}} [options] */
export const requestJob = (id, { etag, signal } = {}) =>
  request("GET", `jobs/${part(id)}`, { headers: etag ? { "If-None-Match": etag } : {}, signal });
export const getJob = async (id) => (await get(`jobs/${part(id)}`)).body;
export const getResultLink = async (id, output) =>
  (await get(output ? `jobs/${part(id)}/outputs/${part(output)}?redirect=false` : `jobs/${part(id)}/result?redirect=false`)).body;
export const getRawLink = async (id) => (await get(`jobs/${part(id)}/raw?redirect=false`)).body;
export const cancel = async (id) => (await post(`jobs/${part(id)}/cancel`)).body;
export const retry = async (id, options = {}) => (await post(`jobs/${part(id)}/retry`, options)).body;
export const remove = (id) => runWithRetries(() => request("DELETE", `jobs/${part(id)}`));

/**
 * @param {File} file @param {Record<string, string>} options
 * @param {import("./upload.js").UploadOptions} uploadOptions
 */
export function createJob(file, options, { onProgress, onWait, signal }) {
  const headers = { "Idempotency-Key": createToken() };
  const path = `jobs?${query({ filename: file.name, ...options })}`;
  return runWithRetries(() => sendBody(path, file, { headers, onProgress, signal }), { signal, onWait });
}

export const createUpload = async (body, options) => (await post("uploads", body, options)).body;
export const confirmUpload = async (id, options) => (await post(`uploads/${part(id)}/confirm`, undefined, options)).body;
export const renewForm = async (id, options) => (await post(`uploads/${part(id)}/form`, undefined, options)).body;

export const createBatch = async (body, options) => (await post("batches", body, options)).body;
export const addToBatch = async (id, body, options) => (await post(`batches/${part(id)}/items`, body, options)).body;
export const closeBatch = async (id) => (await post(`batches/${part(id)}/close`)).body;
export const listBatches = async (filters) => (await get(`batches?${query(filters)}`)).body;
export const getBatch = async (id) => (await get(`batches/${part(id)}`)).body;
export const listBatchItems = async (id, filters) => (await get(`batches/${part(id)}/items?${query(filters)}`)).body;
export const cancelBatch = async (id) => (await post(`batches/${part(id)}/cancel`)).body;
export const retryFailed = async (id) => (await post(`batches/${part(id)}/retry-failed`)).body;

export const listDeadLetters = async (filters) => (await request("GET", `dead-letters?${query(filters)}`)).body;
export const redrive = async (body) => (await post("dead-letters/redrive", body)).body;
