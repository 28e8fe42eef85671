/** Files that are not sent yet, kept in the browser's database, so that a reload does not lose them. */

import { createToken } from "../base/random.js";

const DATABASE = "safelight";
const STORE = "files";
const TAB = "safelight-tab";
/** Files of tabs that were closed before they were sent are deleted after this time. */
const MAX_AGE_MILLISECONDS = 86_400_000;

/**
 * @typedef {import("./images.js").StoredImage} StoredImage
 * @typedef {{key: string, tab: string, at: number, file: File, folder: string}} Saved
 */

/** Save the files of images. Nothing is saved if the browser refuses, as in a private window. @param {StoredImage[]} images */
export async function saveFiles(images) {
  const tab = getTab();
  await change((store) => {
    for (const { key, file, folder } of images) if (file) store.put({ key, tab, at: Date.now(), file, folder });
  });
}

/** Delete the saved files of images. @param {Array<{key: string}>} images */
export async function forgetFiles(images) {
  await change((store) => {
    for (const { key } of images) store.delete(key);
  });
}

/**
 * Return the files that this tab saved before a reload. They stay in the database: Firefox cannot read them without it.
 * @returns {Promise<Array<import("../uploads/file-check.js").Added & {key: string, isRestored: boolean}>>} with the keys of their images
 */
export async function readSavedFiles() {
  /** @type {Saved[]} */
  let saved = [];
  const tab = getTab();
  await change((store) => {
    const reading = store.getAll();
    reading.onsuccess = () => {
      saved = reading.result;
      for (const { key, tab: owner, at } of saved) {
        if (owner !== tab && at < Date.now() - MAX_AGE_MILLISECONDS) store.delete(key);
      }
    };
  });
  const own = saved.filter((each) => each.tab === tab).sort((one, other) => one.at - other.at);
  return own.map(({ key, file, folder }) => ({ key, file, folder, isRestored: true }));
}

/** Return the ID of this tab, which a reload keeps. */
function getTab() {
  const tab = sessionStorage.getItem(TAB) ?? createToken();
  sessionStorage.setItem(TAB, tab);
  return tab;
}

/** Run changes in one transaction. @param {(store: IDBObjectStore) => void} run @returns {Promise<void>} */
async function change(run) {
  try {
    const database = await openDatabase();
    const transaction = database.transaction(STORE, "readwrite");
    run(transaction.objectStore(STORE));
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
    database.close();
  } catch {
    // Without a database, or without space in it, a reload loses the files: the browser asks before.
  }
}

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "key" });
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}
