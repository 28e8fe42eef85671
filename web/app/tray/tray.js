/** The pictures at hand: staged, on their way, done. Those that have a job are found again after a reload. */

import { observable } from "../base/observable.js";
import { token } from "../base/random.js";

/**
 * @typedef {"staged"|"waiting"|"sending"|"working"|"done"|"lost"} Phase `lost` is where no job came of it, or none is found
 * @typedef {{key: string, file: File|null, url: string|null, name: string, size: number, phase: Phase, share: number,
 *   job: any, problem: any, trouble: any, stop: AbortController}} Item `share` of 1 that is sent; `trouble` passes
 */

const KEY = "safelight-tray";
const MOST_KEPT = 100;

export function makeTray() {
  /** @type {ReturnType<typeof observable<Item[]>>} */
  const items = observable([]);
  items.subscribe(save);

  const tray = {
    items,
    /** @param {File[]} files */
    add(files) {
      const added = files.map((file) => item({ file, name: file.name || "pasted picture", size: file.size, url: URL.createObjectURL(file) }));
      items.set([...items.get(), ...added]);
      return added;
    },
    /** Take in a job that was there before. @param {any} job */
    adopt(job) {
      const found = item({ name: job.filename, size: job.raw?.size ?? 0, phase: job.done ? "done" : "working", job });
      items.set([...items.get(), found]);
      return found;
    },
    /** @param {Item} changed @param {Partial<Item>} values */
    update(changed, values) {
      Object.assign(changed, values);
      items.set(items.get());
    },
    /** @param {Item} gone */
    remove(gone) {
      gone.stop.abort(new DOMException("removed", "AbortError"));
      items.set(items.get().filter((each) => each !== gone));
    },
    staged: () => items.get().filter((each) => each.phase === "staged"),
    busy: () => items.get().some((each) => each.phase === "waiting" || each.phase === "sending"),
    remembered,
  };
  return tray;
}

/** @typedef {ReturnType<typeof makeTray>} Tray */

/** @returns {Item} */
function item(values) {
  return {
    key: token(), file: null, url: null, name: "", size: 0, phase: "staged", share: 0, job: null, problem: null,
    trouble: null, stop: new AbortController(), ...values,
  };
}

function save(items) {
  const ids = items.filter((each) => each.job).map((each) => each.job.id);
  sessionStorage.setItem(KEY, JSON.stringify(ids.slice(-MOST_KEPT)));
}

/** @returns {string[]} IDs of the jobs that the tray had */
function remembered() {
  try {
    const ids = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    return Array.isArray(ids) ? ids.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}
