/** The images of this session, in one store. Each image has its own signal, so a change redraws only what shows it. */

import { batch, computed, signal } from "../vendor/preact.js";
import { createToken } from "../base/random.js";
import { deletedIds } from "./deleted.js";
import { summarize } from "./summary.js";

/**
 * @typedef {"staged"|"waiting"|"sending"|"working"|"done"|"lost"} Phase `lost`: no job was created, or it was not found
 * @typedef {object} ImageState
 * @property {Phase} phase
 * @property {number} share uploaded share, from 0 to 1
 * @property {Job[]} versions the jobs of this image, the newest last
 * @property {any} problem why the image has no job
 * @property {any} retryProblem shown while the page retries
 *
 * @typedef {object} StoredImage
 * @property {string} key
 * @property {string} name
 * @property {string} folder path of the dropped folder, such as `summer/beach`, or empty
 * @property {number} size bytes
 * @property {File|null} file null if only the server has it
 * @property {boolean} isRestored the file is in the browser's database. Firefox cannot read it after it is deleted there.
 * @property {import("../vendor/preact.js").Signal<ImageState>} state
 * @property {AbortController} stop
 * @property {string} member ID of the member of a batch that waits for the file, or empty
 *
 * @typedef {{key: string, ids: string[], folder: string, member?: string}} Saved an image with its jobs, the newest last
 */

const KEY = "safelight-images";
const MAX_STORED = 5000;

export function createImageStore() {
  /** @type {import("../vendor/preact.js").Signal<StoredImage[]>} */
  const all = signal([]);
  /** Without images whose jobs were deleted, which come back if the deletion is undone. */
  const images = computed(() => (deletedIds.value.size ? all.value.filter((each) => !isDeleted(each)) : all.value));
  /** @type {import("../vendor/preact.js").Signal<string>} */
  const selectedKey = signal("");
  /** @type {import("../vendor/preact.js").Signal<ReadonlySet<string>>} */
  const markedKeys = signal(new Set());
  /** Milliseconds since the epoch, or 0 before the first run. */
  const startedAt = signal(0);
  const selected = computed(
    () => images.value.find((each) => each.key === selectedKey.value) ?? images.value[0] ?? null,
  );
  const summary = computed(() => summarize(images.value.map(describeImage)));

  return {
    images,
    selected,
    selectedKey,
    markedKeys,
    startedAt,
    summary,
    /** Add files that are not sent yet. @param {Array<{file: File, folder: string, key?: string, isRestored?: boolean}>} files @returns {StoredImage[]} */
    add(files) {
      const added = files.map(({ file, folder, key = createToken(), isRestored = false }) =>
        createImage(
          { key, isRestored, file, folder, name: file.name || "pasted image", size: file.size },
          { phase: "staged" },
        ),
      );
      batch(() => {
        all.value = [...all.value, ...added];
        if (added[0]) selectedKey.value = added[0].key;
      });
      return added;
    },
    /** Add an image with existing jobs. @param {Job[]} versions at least one @param {string} folder @returns {StoredImage} */
    adopt(versions, folder) {
      const job = /** @type {Job} */ (versions[versions.length - 1]);
      const values = {
        key: createToken(),
        isRestored: false,
        file: null,
        folder,
        name: job.filename,
        size: job.raw.size ?? 0,
      };
      const adopted = createImage(values, { phase: job.done ? "done" : "working", versions });
      all.value = [...all.value, adopted];
      return adopted;
    },
    /** @param {StoredImage} image @param {Partial<ImageState>} values */
    update(image, values) {
      image.state.value = { ...image.state.value, ...values };
    },
    /** Store the newest state of a job: as another version, or in place of an older state. @param {StoredImage} image @param {Job} job */
    setJob(image, job) {
      const { versions } = image.state.value;
      const known = versions.some((each) => each.id === job.id);
      const next = known ? versions.map((each) => (each.id === job.id ? job : each)) : [...versions, job];
      image.state.value = {
        ...image.state.value,
        versions: next,
        phase: job.done ? "done" : "working",
        share: 1,
        problem: null,
        retryProblem: null,
      };
    },
    /** @param {StoredImage[]} removed */
    remove(removed) {
      for (const each of removed) each.stop.abort(new DOMException("removed", "AbortError"));
      const index = images.value.findIndex((each) => each === selected.value);
      batch(() => {
        all.value = all.value.filter((each) => !removed.includes(each));
        if (!images.value.some((each) => each.key === selectedKey.value)) {
          selectedKey.value = images.value[Math.min(index, images.value.length - 1)]?.key ?? "";
        }
        markedKeys.value = new Set(images.value.map((each) => each.key).filter((key) => markedKeys.value.has(key)));
      });
    },
    /** Put removed images back. @param {StoredImage[]} list the complete list before the removal */
    restore(list) {
      for (const each of list) if (each.stop.signal.aborted) each.stop = new AbortController();
      all.value = [...list, ...all.value.filter((each) => !list.includes(each))];
    },
    /** Select another image, at most the first or the last one. @param {number} by 1 for the next image, -1 for the previous one */
    move(by) {
      const { length } = images.value;
      const index = images.value.findIndex((each) => each === selected.value) + by;
      const next = images.value[Math.max(0, Math.min(index, length - 1))];
      if (next) selectedKey.value = next.key;
    },
    /** Store the IDs of the jobs, so that a reload restores them. */
    save() {
      const saved = images
        .peek()
        .map(({ key, state, folder, member }) => ({
          key,
          ids: getVersions(state.peek()).map((each) => each.id),
          folder,
          member,
        }))
        .filter(({ ids, member }) => ids.length || member);
      sessionStorage.setItem(KEY, JSON.stringify(saved.slice(-MAX_STORED)));
    },
  };
}

/** @typedef {ReturnType<typeof createImageStore>} ImageStore */

/** Return the jobs that are not deleted, the newest last. @param {ImageState} state @returns {Job[]} */
export function getVersions({ versions }) {
  return deletedIds.value.size ? versions.filter(({ id }) => !deletedIds.value.has(id)) : versions;
}

/** Return the newest job. @param {ImageState} state @returns {Job|null} */
export function getJob(state) {
  return getVersions(state).at(-1) ?? null;
}

/** Return true if an image had jobs, and all are deleted. @param {StoredImage} image */
function isDeleted({ state }) {
  const { versions } = state.peek();
  return versions.length > 0 && versions.every(({ id }) => deletedIds.value.has(id));
}

/** @param {StoredImage} image */
function describeImage({ size, state }) {
  return { size, phase: state.value.phase, versions: getVersions(state.value) };
}

/** Return the job whose raw image can be shown. That of a job from a stored image is not there at first. @param {Job[]} versions */
export function findOriginal(versions) {
  return versions.findLast((each) => each.result) ?? versions[versions.length - 1] ?? null;
}

/**
 * @param {Omit<StoredImage, "state"|"stop"|"member">} values @param {Partial<ImageState>} state
 * @returns {StoredImage}
 */
function createImage(values, state) {
  const initial = {
    phase: /** @type {Phase} */ ("staged"),
    share: 0,
    versions: [],
    problem: null,
    retryProblem: null,
  };
  return {
    stop: new AbortController(),
    member: "",
    state: signal({ ...initial, ...state }),
    ...values,
  };
}

/** @returns {Saved[]} what a page stored before a reload */
export function readSaved() {
  try {
    const saved = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    return Array.isArray(saved) ? saved.filter((each) => Array.isArray(each?.ids)) : [];
  } catch {
    return [];
  }
}
