/** Uploads in parts that are not complete, so that after a reload, or with the same file, only the missing parts are sent. */

import { buildUrl } from "../net/http.js";

const PREFIX = "safelight-upload ";
/** The longest time for which a Safelight can be set to keep the parts. */
const MAX_AGE_MILLISECONDS = 7 * 86_400_000;

/**
 * @typedef {object} SavedUpload
 * @property {string} image key of the image that is sent
 * @property {string} key Idempotency-Key of the request that creates the job
 * @property {string} [id] ID of the job, once it is known
 * @property {JobSpec} spec
 * @property {number} at milliseconds since the epoch
 */

/** Return the name of an upload: the same file for the same API has the same one. @param {File} file */
export function nameUpload({ name, size, lastModified }) {
  return PREFIX + JSON.stringify([buildUrl(""), name, size, lastModified]);
}

/** @param {File} file @returns {SavedUpload|null} */
export function findUpload(file) {
  return read(nameUpload(file));
}

/** Save an upload, and delete those that are too old. Nothing is saved if the browser refuses. @param {File} file @param {Omit<SavedUpload, "at">} upload */
export function saveUpload(file, upload) {
  try {
    for (const name of Object.keys(localStorage)) {
      if (name.startsWith(PREFIX) && !read(name)) localStorage.removeItem(name);
    }
    localStorage.setItem(nameUpload(file), JSON.stringify({ ...upload, at: Date.now() }));
  } catch {
    // After a reload, the whole file is sent again.
  }
}

/** @param {File} file */
export function forgetUpload(file) {
  try {
    localStorage.removeItem(nameUpload(file));
  } catch {
    // Nothing was saved.
  }
}

/** @param {string} name @returns {SavedUpload|null} */
function read(name) {
  try {
    const upload = JSON.parse(localStorage.getItem(name) ?? "null");
    return upload?.spec && upload.at > Date.now() - MAX_AGE_MILLISECONDS ? upload : null;
  } catch {
    return null;
  }
}
