/** The first bytes of a file, which /v1/plan reads the image header from. */

const DEFAULT_BYTES = 64 * 1024;
const MAX_BYTES = 512 * 1024;

/** @param {Blob} file @param {{more?: boolean}} [options] @returns {Promise<string>} base64 */
export async function readHead(file, { more = false } = {}) {
  const data = new Uint8Array(await file.slice(0, more ? MAX_BYTES : DEFAULT_BYTES).arrayBuffer());
  let text = "";
  // In chunks, because the number of arguments of a call is limited.
  for (let start = 0; start < data.length; start += 8192)
    text += String.fromCharCode(...data.subarray(start, start + 8192));
  return btoa(text);
}
