/** Local copies of the originals while the page is open, so that comparing needs no download. */

/** @type {Map<string, {url: string, file: File}>} by the job's ID */
const originals = new Map();

/** @param {string} id @param {File} file @param {string} url */
export function storeOriginal(id, file, url) {
  originals.set(id, { url, file });
}

/** @param {string} id */
export function getOriginal(id) {
  return originals.get(id) ?? null;
}

/** @param {string} id */
export function forgetOriginal(id) {
  const original = originals.get(id);
  if (original) URL.revokeObjectURL(original.url);
  originals.delete(id);
}
