/** Names that nobody else has. */

/** 128 random bits as hexadecimal. `crypto.randomUUID` is missing on plain HTTP, this is not. */
export function token() {
  return hex(crypto.getRandomValues(new Uint8Array(16)));
}

/** @param {Uint8Array} data */
export function hex(data) {
  return Array.from(data, (each) => each.toString(16).padStart(2, "0")).join("");
}
