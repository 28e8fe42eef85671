/** The queue of images on the start page. Items with a job are restored after a reload. */

import { createObservable } from "../base/observable.js";
import { createToken } from "../base/random.js";

/**
 * @typedef {"staged"|"waiting"|"sending"|"working"|"done"|"lost"} Phase `lost`: no job was created, or it was not found
 * @typedef {{key: string, file: File|null, url: string|null, name: string, size: number, phase: Phase, share: number,
 *   job: any, problem: any, retryProblem: any, stop: AbortController}} Item `share` is the uploaded share from 0 to 1; `retryProblem` is shown
 *   while the page retries
 */

const KEY = "safelight-queue";
const MAX_STORED = 100;

export function createQueue() {
  /** @type {ReturnType<typeof createObservable<Item[]>>} */
  const items = createObservable([]);
  items.subscribe(save);

  const queue = {
    items,
    /** @param {File[]} files */
    add(files) {
      const added = files.map((file) => createItem({ file, name: file.name || "pasted image", size: file.size, url: URL.createObjectURL(file) }));
      items.set([...items.get(), ...added]);
      return added;
    },
    /** Add an existing job. @param {any} job */
    adopt(job) {
      const adopted = createItem({ name: job.filename, size: job.raw?.size ?? 0, phase: job.done ? "done" : "working", job });
      items.set([...items.get(), adopted]);
      return adopted;
    },
    /** @param {Item} item @param {Partial<Item>} values */
    update(item, values) {
      Object.assign(item, values);
      items.set(items.get());
    },
    /** @param {Item} item */
    remove(item) {
      item.stop.abort(new DOMException("removed", "AbortError"));
      items.set(items.get().filter((each) => each !== item));
    },
    listStaged: () => items.get().filter((each) => each.phase === "staged"),
    isBusy: () => items.get().some((each) => each.phase === "waiting" || each.phase === "sending"),
  };
  return queue;
}

/** @typedef {ReturnType<typeof createQueue>} Queue */

/** @returns {Item} */
function createItem(values) {
  return {
    key: createToken(), file: null, url: null, name: "", size: 0, phase: "staged", share: 0, job: null, problem: null,
    retryProblem: null, stop: new AbortController(), ...values,
  };
}

function save(items) {
  const ids = items.filter((each) => each.job).map((each) => each.job.id);
  sessionStorage.setItem(KEY, JSON.stringify(ids.slice(-MAX_STORED)));
}

/** @returns {string[]} IDs of the stored jobs */
export function readStoredIds() {
  try {
    const ids = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    return Array.isArray(ids) ? ids.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}
