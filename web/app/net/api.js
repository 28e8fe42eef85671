/** The requests of the API. Requests that create something can be repeated safely. */

import { createToken } from "../base/random.js";
import { request } from "./http.js";
import { runWithRetries } from "./retry.js";
import { sendBody } from "./upload.js";

/**
 * @typedef {import("./retry.js").RetryOptions} RetryOptions
 * @typedef {import("./upload.js").UploadOptions} UploadOptions
 * @typedef {Record<string, string|undefined|null>} Filters
 * @typedef {{url: string, filename?: string}} ResultLink
 * @typedef {{index: number, job?: Job, upload?: import("./upload.js").Form, multipart?: Multipart|null, error?: any}} Member
 */

const part = encodeURIComponent;

/** @param {string} path @param {RetryOptions} [options] */
const get = (path, options = {}) => runWithRetries(() => request("GET", path, options), options);

/** @param {Filters} values */
function query(values) {
  return new URLSearchParams(
    Object.entries(values).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  ).toString();
}

/**
 * Send a POST request. All attempts share one key, so a request whose response was lost does not run twice.
 * @param {string} path @param {any} [json] @param {RetryOptions & {key?: string}} [options]
 */
function post(path, json, options = {}) {
  const headers = { "Idempotency-Key": options.key ?? createToken() };
  return runWithRetries(() => request("POST", path, { json, headers, signal: options.signal }), options);
}

/** @returns {Promise<Capabilities>} */
export const getCapabilities = async () => (await get("capabilities")).body;
/** @returns {Promise<Preset[]>} */
export const listPresets = async () => (await get("presets?limit=100")).body.presets;
/** @param {string} name @param {{pipeline: any, description?: string}} preset @returns {Promise<Preset>} */
export const savePreset = async (name, preset) =>
  (await runWithRetries(() => request("PUT", `presets/${part(name)}`, { json: preset }))).body;
/** @param {string} name */
export const deletePreset = (name) => runWithRetries(() => request("DELETE", `presets/${part(name)}`));
/** @param {any} body @param {RetryOptions} options @returns {Promise<Plan>} */
export const requestPlan = async (body, options) => (await post("plan", body, options)).body;

/** @param {Filters} filters @returns {Promise<{jobs: Job[], next_cursor: string|null}>} */
export const listJobs = async (filters) => (await get(`jobs?${query(filters)}`)).body;
/** @param {string} id @param {{etag?: string|null}} [options] */
export const requestJob = (id, { etag } = {}) =>
  request("GET", `jobs/${part(id)}`, {
    headers: etag ? { "If-None-Match": etag } : {},
  });
/** @param {string} id @returns {Promise<Job>} */
export const getJob = async (id) => (await get(`jobs/${part(id)}`)).body;
/** @param {string} id @param {string} [output] @returns {Promise<ResultLink>} */
export const getResultLink = async (id, output) =>
  (await get(`jobs/${part(id)}/${output ? `outputs/${part(output)}` : "result"}?redirect=false`)).body;
/** @param {string} id @returns {Promise<ReceiptDocument>} */
export const getReceipt = async (id) => (await get(`jobs/${part(id)}/receipt`)).body;
/** @param {string} id @returns {Promise<ResultLink>} */
export const getRawLink = async (id) => (await get(`jobs/${part(id)}/raw?redirect=false`)).body;
/** @param {string} id @returns {Promise<Job>} */
export const cancel = async (id) => (await post(`jobs/${part(id)}/cancel`)).body;
/** @param {string} id @param {any} [spec] @returns {Promise<Job>} */
export const retry = async (id, spec) => (await post(`jobs/${part(id)}/retry`, spec)).body;
/** @param {string} id */
export const remove = (id) => runWithRetries(() => request("DELETE", `jobs/${part(id)}`));
/** Delete a job while the page is being closed. @param {string} id */
export const removeOnClose = (id) => request("DELETE", `jobs/${part(id)}`, { keepalive: true });

/** @param {File} file @param {Record<string, string>} options @param {UploadOptions} uploadOptions @returns {Promise<Job>} */
export function createJob(file, options, { onProgress, onWait, signal }) {
  const headers = { "Idempotency-Key": createToken() };
  const path = `jobs?${query({ filename: file.name, ...options })}`;
  return runWithRetries(() => sendBody(path, file, { headers, onProgress, signal }), { signal, onWait });
}

/** Create a job from the stored image of another job. @param {string} id @param {JobSpec} spec @param {RetryOptions} options @returns {Promise<Job>} */
export const createJobFrom = async (id, spec, options) =>
  (await post("jobs", { source: `job:${id}`, ...spec }, options)).body;

/** @param {any} body @param {RetryOptions & {key?: string}} options @returns {Promise<Job & {upload: import("./upload.js").Form}>} */
export const createUpload = async (body, options) => (await post("uploads", body, options)).body;
/** @param {string} id @param {RetryOptions} options @returns {Promise<Job>} */
export const confirmUpload = async (id, options) =>
  (await post(`uploads/${part(id)}/confirm`, undefined, options)).body;
/** @param {string} id @param {RetryOptions} options @returns {Promise<{upload: import("./upload.js").Form, multipart?: Multipart|null}>} */
export const renewForm = async (id, options) => (await post(`uploads/${part(id)}/form`, undefined, options)).body;
/** @param {string} id @param {string} uploadId @param {RetryOptions} options @returns {Promise<StoredParts>} */
export const listParts = async (id, uploadId, options) =>
  (await get(`uploads/${part(id)}/parts?${query({ upload_id: uploadId })}`, options)).body;
/** @param {string} id @param {string} uploadId @param {number} number @param {AbortSignal} signal @returns {Promise<SignedPart>} */
export const signPart = async (id, uploadId, number, signal) =>
  (
    await request("POST", `uploads/${part(id)}/parts`, {
      json: { upload_id: uploadId, part_numbers: [number] },
      signal,
    })
  ).body.parts[0];
/** @param {string} id @param {string} uploadId @param {RetryOptions} options @returns {Promise<Job>} */
export const completeUpload = async (id, uploadId, options) =>
  (await post(`uploads/${part(id)}/complete`, { upload_id: uploadId }, options)).body;
/** @param {string} id */
export const abortUpload = (id) => post(`uploads/${part(id)}/abort`);

/** @param {any} body @returns {Promise<{batch: Batch}>} */
export const createBatch = async (body) => (await post("batches", body)).body;
/** @param {string} id @param {any} body @returns {Promise<{items: Member[]}>} */
export const addToBatch = async (id, body) => (await post(`batches/${part(id)}/items`, body)).body;
/** @param {string} id */
export const closeBatch = async (id) => (await post(`batches/${part(id)}/close`)).body;
/** @param {Filters} filters @returns {Promise<{batches: Batch[], next_cursor: string|null}>} */
export const listBatches = async (filters) => (await get(`batches?${query(filters)}`)).body;
/** @param {string} id @returns {Promise<Batch>} */
export const getBatch = async (id) => (await get(`batches/${part(id)}`)).body;
/** @param {string} id @param {Filters} filters @returns {Promise<{items: Job[], next_cursor: string|null}>} */
export const listBatchItems = async (id, filters) => (await get(`batches/${part(id)}/items?${query(filters)}`)).body;
/** @param {string} id @returns {Promise<{remaining: number}>} */
export const cancelBatch = async (id) => (await post(`batches/${part(id)}/cancel`)).body;
/** @param {string} id @returns {Promise<{remaining: number}>} */
export const retryFailed = async (id) => (await post(`batches/${part(id)}/retry-failed`)).body;

/** @param {Filters} filters @returns {Promise<{dead_letters: DeadLetter[], next_cursor: string|null}>} */
export const listDeadLetters = async (filters) => (await get(`dead-letters?${query(filters)}`)).body;
/** @param {any} body @returns {Promise<{redriven: number, refused: number, next_cursor: string|null}>} */
export const redrive = async (body) => (await post("dead-letters/redrive", body)).body;
