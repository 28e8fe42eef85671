/** What the pages share: the images of this session, the recipe, and the limits of this Safelight. */

import { effect } from "./vendor/preact.js";
import { announce, showNote } from "./base/announce.js";
import { formatCount } from "./base/format.js";
import { goTo } from "./base/router.js";
import { reportProblems } from "./jobs/actions.js";
import { loadModule } from "./net/retry.js";
import { createRecipeEditor } from "./recipe/editor.js";
import { createPlanner } from "./recipe/plan.js";
import { deletedIds } from "./store/deleted.js";
import { createImageStore, readSaved } from "./store/images.js";
import { forgetFiles, readSavedFiles, saveFiles } from "./store/saved-files.js";
import { findUpload } from "./store/saved-uploads.js";
import { checkFiles, describeRefused } from "./uploads/file-check.js";
import { createRun } from "./uploads/run.js";

const MAX_IMAGES = 5000;
const SAMPLE = new URL("sample.jpg", import.meta.url);

/**
 * @param {import("./auth/session.js").Config} config @param {Capabilities} capabilities @param {Preset[]} presets
 * @param {string} recipeLink a recipe from the address
 */
export function createApp(config, capabilities, presets, recipeLink) {
  const saved = readSaved();
  const store = createImageStore();
  const editor = createRecipeEditor(capabilities, presets, recipeLink);
  const run = createRun(store, capabilities.limits);
  const plan = createPlanner(editor, () => store.selected.value?.file ?? null);

  /** @param {import("./uploads/file-check.js").Added[]} files */
  const addFiles = async (files) => {
    const limits = {
      maxBytes: capabilities.limits.max_raw_bytes,
      maxCount: MAX_IMAGES - store.images.value.length,
    };
    const { accepted, refused } = await checkFiles(files, limits);
    const leftOut = describeRefused(refused, limits);
    if (leftOut) showNote(leftOut, { kind: "bad" });
    if (!accepted.length) return;
    saveFiles(store.add(accepted));
    goTo("#/");
    announce(`${formatCount(accepted.length, "image")} added. ${leftOut}`);
  };
  const addSample = () =>
    reportProblems(async () => {
      const response = await fetch(SAMPLE);
      await addFiles([
        {
          file: new File([await response.blob()], "sample.jpg", {
            type: "image/jpeg",
          }),
          folder: "",
        },
      ]);
    });
  /** Show the image of a job, so that another recipe can be chosen. @param {Job} job */
  const addJob = (job) => {
    const known = store.images.value.find((each) => each.state.value.versions.some(({ id }) => id === job.id));
    const image = known ?? store.adopt([job], "");
    if (!known) void run.follow(image, job);
    store.selectedKey.value = image.key;
    goTo("#/");
  };
  /** End what a reload has interrupted. The files are sent again, as other jobs. @param {Array<{key: string, file: File}>} kept */
  const endBatches = async (kept) => {
    if (!saved.length && !kept.length) return;
    const continued = new Set(kept.map(({ file }) => findUpload(file)?.id));
    const members = saved.flatMap(({ member }) => (member && !continued.has(member) ? [member] : []));
    const { endInterrupted } = await loadModule(() => import("./uploads/members.js"));
    await endInterrupted(members);
  };
  /** Show the images again that the page had before a reload. */
  const restore = async () => {
    // The files of some images with a job may not be deleted yet.
    const sent = new Set(saved.filter(({ ids }) => ids.length).map(({ key }) => key));
    const files = await readSavedFiles();
    forgetFiles(files.filter(({ key }) => sent.has(key)));
    const kept = files.filter(({ key }) => !sent.has(key));
    for (const each of store.add(kept)) run.continueUpload(each);
    void endBatches(kept);
    if (!sent.size) return;
    const { readJobs } = await import("./net/job-reader.js");
    const jobs = await readJobs(saved.flatMap((each) => each.ids));
    for (const { ids, folder } of saved) {
      const versions = ids.flatMap((id) => jobs.get(id) ?? []);
      const newest = versions.at(-1);
      if (newest) run.follow(store.adopt(versions, folder), newest);
    }
  };
  effect(() => void (deletedIds.value.size && store.save()));
  /** Return true if closing the page would lose files. */
  const isBusy = () => store.summary.value.staged + store.summary.value.unsent > 0;
  return {
    config,
    capabilities,
    store,
    editor,
    run,
    plan,
    addFiles,
    addSample,
    addJob,
    restore,
    isBusy,
  };
}

/** @typedef {ReturnType<typeof createApp>} App */
