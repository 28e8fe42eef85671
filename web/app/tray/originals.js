/** Pictures as they are on this machine, for as long as the page is open: shown before, and beside, the result. */

/** @type {Map<string, {url: string, file: File}>} by the job's ID */
const kept = new Map();

/** @param {string} id @param {File} file @param {string} url */
export function keepOriginal(id, file, url) {
  kept.set(id, { url, file });
}

/** @param {string} id */
export function originalOf(id) {
  return kept.get(id) ?? null;
}

/** @param {string} id */
export function forgetOriginal(id) {
  const found = kept.get(id);
  if (found) URL.revokeObjectURL(found.url);
  kept.delete(id);
}
