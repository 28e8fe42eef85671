/** Random tokens. */

/** Return 128 random bits in hexadecimal. `crypto.randomUUID` needs a secure context, this also works over plain HTTP. */
export function createToken() {
  return encodeHex(crypto.getRandomValues(new Uint8Array(16)));
}

/** @param {Uint8Array} data */
export function encodeHex(data) {
  return Array.from(data, (each) => each.toString(16).padStart(2, "0")).join("");
}
