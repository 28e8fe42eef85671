/** Verification of stored images: their digests are compared with those of the receipt. */

import { encodeHex } from "../base/random.js";
import { getRawLink, getReceipt, getResultLink } from "../net/api.js";
import { createOfflineProblem } from "../net/problem.js";
import { runWithRetries } from "../net/retry.js";

const MISSING = new Set([403, 404, 410]);

/**
 * @typedef {object} Finding
 * @property {string} what such as `Receipt`
 * @property {"same"|"changed"|"missing"} state compared with the receipt
 * @property {string} digest SHA-256 in hexadecimal, as the receipt has it
 */

/** Return JSON in the canonical form of RFC 8785. @param {unknown} value @returns {string} */
export function canonicalize(value) {
  if (Array.isArray(value)) return `[${value.map(canonicalize).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  // By UTF-16 code units, as the RFC says: the order of JavaScript.
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${members.map(([name, each]) => `${JSON.stringify(name)}:${canonicalize(each)}`).join(",")}}`;
}

/** Return the SHA-256 digest in hexadecimal. @param {BufferSource} data */
export async function computeDigest(data) {
  return encodeHex(new Uint8Array(await crypto.subtle.digest("SHA-256", data)));
}

/** Return true if the browser can compute digests: over HTTPS, or on the same machine. */
export function canVerify() {
  return Boolean(crypto.subtle);
}

/**
 * Compare the receipt with its digest, and the images with the receipt. The original is the file itself, if the page
 * has it.
 * @param {string} id of a completed job @param {File|null} file @returns {Promise<Finding[]>}
 */
export async function verifyJob(id, file) {
  const { digest, receipt } = await getReceipt(id);
  const text = new TextEncoder().encode(canonicalize(receipt));
  const findings = [await compare("Receipt", digest, text)];
  const raw = file ? await file.arrayBuffer() : await download(async () => (await getRawLink(id)).url);
  findings.push(await compare(file ? "Your file" : "Original", receipt.raw.digest, raw));
  for (const { name, digest: recorded } of receipt.outputs) {
    const data = await download(async () => (await getResultLink(id, name)).url);
    findings.push(await compare(receipt.outputs.length > 1 ? `Result ${name}` : "Result", recorded, data));
  }
  return findings;
}

/** @param {string} what @param {string} digest @param {BufferSource|null} data @returns {Promise<Finding>} */
async function compare(what, digest, data) {
  if (!data) return { what, state: "missing", digest };
  return { what, state: (await computeDigest(data)) === digest ? "same" : "changed", digest };
}

/** Return a stored file, or null if it does not exist. @param {() => Promise<string>} link @returns {Promise<ArrayBuffer|null>} */
function download(link) {
  return runWithRetries(async () => {
    const response = await fetch(await link()).catch(() => null);
    if (response && MISSING.has(response.status)) return null;
    if (!response?.ok) throw createOfflineProblem();
    return response.arrayBuffer();
  });
}
