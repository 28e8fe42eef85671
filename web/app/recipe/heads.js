/** The beginning of a file, as /v1/plan takes it. */

const USUAL_BYTES = 64 * 1024;
const MOST_BYTES = 512 * 1024;

/** @param {Blob} file @param {{more?: boolean}} [options] @returns {Promise<string>} base64 */
export async function headOf(file, { more = false } = {}) {
  const data = new Uint8Array(await file.slice(0, more ? MOST_BYTES : USUAL_BYTES).arrayBuffer());
  let text = "";
  // Not all at once: a call takes only so many arguments.
  for (let start = 0; start < data.length; start += 8192) text += String.fromCharCode(...data.subarray(start, start + 8192));
  return btoa(text);
}
