/** Proof Key for Code Exchange (RFC 7636, S256). `crypto.subtle` needs a secure context: HTTPS or localhost. */

import { encodeHex } from "../base/random.js";

/** @returns {string} a secret of 64 characters */
export function createVerifier() {
  return encodeHex(crypto.getRandomValues(new Uint8Array(32)));
}

/** @param {string} secret @returns {Promise<string>} */
export async function deriveChallenge(secret) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret)));
  return btoa(String.fromCharCode(...digest))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
