/** The API's endpoints, as functions. Each fails with a Problem; each that may be repeated is. */

import { token } from "../base/random.js";
import { request } from "./http.js";
import { retrying } from "./retrying.js";
import { sendBody } from "./sending.js";

const get = (path, options = {}) => retrying(() => request("GET", path, options), options);
const query = (values) => new URLSearchParams(Object.entries(values).filter(([, value]) => value)).toString();
const part = encodeURIComponent;

/** The same key for every try, so that a request that was lost on the way back is not done twice. */
function post(path, json, options = {}) {
  const headers = { "Idempotency-Key": token() };
  return retrying(() => request("POST", path, { json, headers, signal: options.signal }), options);
}

export const capabilities = async () => (await get("capabilities")).body;
export const presets = async () => (await get("presets")).body.presets;
export const keepPreset = async (name, pipeline) =>
  (await request("PUT", `presets/${part(name)}`, { json: { pipeline } })).body;

/** @param {any} wanted @param {AbortSignal} signal */
export const plan = async (wanted, signal) => (await request("POST", "plan", { json: wanted, signal })).body;

/** @param {Record<string, string|undefined>} filters */
export const jobs = async (filters) => (await get(`jobs?${query(filters)}`)).body;
/** @param {string} id @param {{etag?: string|null, signal?: AbortSignal}} [options] */
export const job = (id, { etag, signal } = {}) =>
  request("GET", `jobs/${part(id)}`, { headers: etag ? { "If-None-Match": etag } : {}, signal });
export const readJob = async (id) => (await get(`jobs/${part(id)}`)).body;
export const link = async (id, output) =>
  (await get(output ? `jobs/${part(id)}/outputs/${part(output)}?redirect=false` : `jobs/${part(id)}/result?redirect=false`)).body;
export const rawLink = async (id) => (await get(`jobs/${part(id)}/raw?redirect=false`)).body;
export const cancel = async (id) => (await post(`jobs/${part(id)}/cancel`)).body;
export const retry = async (id, options = {}) => (await post(`jobs/${part(id)}/retry`, options)).body;
export const remove = (id) => retrying(() => request("DELETE", `jobs/${part(id)}`));

/**
 * @param {File} file @param {Record<string, string>} options
 * @param {{onProgress: (share: number) => void, onWait: (problem: any) => void, signal: AbortSignal}} how
 */
export function createJob(file, options, { onProgress, onWait, signal }) {
  const headers = { "Idempotency-Key": token() };
  const path = `jobs?${query({ filename: file.name, ...options })}`;
  return retrying(() => sendBody(path, file, { headers, onProgress, signal }), { signal, onWait });
}

export const createUpload = async (wanted, options) => (await post("uploads", wanted, options)).body;
export const confirmUpload = async (id, options) => (await post(`uploads/${part(id)}/confirm`, undefined, options)).body;
export const freshForm = async (id, options) => (await post(`uploads/${part(id)}/form`, undefined, options)).body;

export const createBatch = async (wanted, options) => (await post("batches", wanted, options)).body;
export const addToBatch = async (id, wanted, options) => (await post(`batches/${part(id)}/items`, wanted, options)).body;
export const closeBatch = async (id) => (await post(`batches/${part(id)}/close`)).body;
export const batches = async (filters) => (await get(`batches?${query(filters)}`)).body;
export const batch = async (id) => (await get(`batches/${part(id)}`)).body;
export const batchItems = async (id, filters) => (await get(`batches/${part(id)}/items?${query(filters)}`)).body;
export const cancelBatch = async (id) => (await post(`batches/${part(id)}/cancel`)).body;
export const retryFailed = async (id) => (await post(`batches/${part(id)}/retry-failed`)).body;

export const deadLetters = async (filters) => (await request("GET", `dead-letters?${query(filters)}`)).body;
export const redrive = async (wanted) => (await post("dead-letters/redrive", wanted)).body;
