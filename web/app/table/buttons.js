/** The buttons that process many images, and download or delete their results. */

import { html, useState } from "../vendor/preact.js";
import { announce, showNote } from "../base/announce.js";
import { formatCount } from "../base/format.js";
import { Icon } from "../base/icons.js";
import { reportProblems } from "../jobs/actions.js";
import { getJob, getVersions } from "../store/images.js";

/** From this number of images on, the list is shown first, and sending them as one batch is preselected. */
export const MANY = 13;
const ARCHIVE = "safelight.zip";

/**
 * @typedef {import("../app.js").App} App
 * @typedef {import("../store/images.js").StoredImage} StoredImage
 */

/** The buttons that process images and download results. @param {{app: App}} props */
export function StartButtons({ app }) {
  const { store, editor, run } = app;
  const [chosenBatch, setChosenBatch] = useState(/** @type {boolean|null} */ (null));
  const images = store.images.value;
  const staged = images.filter((each) => each.state.value.phase === "staged");
  const again = images.filter((each) => usesOtherRecipe(each, editor));
  const { invalid } = app.plan.value;
  const first = staged.length ? staged : again;
  const asBatch = chosenBatch ?? first.length >= MANY;
  const label = `Process ${formatCount(first.length, "image")}${staged.length ? "" : " again"}`;
  const start = () => run.start(first, editor.spec(), { asBatch });
  return html`${
    first.length > 0 &&
    html`<button
        type="button"
        id="go"
        class="button button-primary button-large"
        disabled=${invalid}
        aria-describedby=${invalid ? "why-not" : undefined}
        onClick=${start}
      >
        ${label}
      </button>`
  }
    ${
      first.length > 1 &&
      html`<label class="field field-switch">
        <input
          type="checkbox"
          id="together"
          checked=${asBatch}
          onChange=${(/** @type {Event} */ event) => setChosenBatch(/** @type {HTMLInputElement} */ (event.currentTarget).checked)}
        />
        as one batch
      </label>`
    } <${ArchiveButton} images=${images} />`;
}

/** @param {{images: StoredImage[], label?: string}} props */
function ArchiveButton({ images, label = "results" }) {
  const [done, setDone] = useState(-1);
  const entries = images.flatMap((each) => {
    const job = getVersions(each.state.value).findLast((version) => version.result);
    return job ? [{ job, folder: each.folder }] : [];
  });
  if (entries.length < 2 && done < 0) return null;
  const save = () =>
    reportProblems(async () => {
      const { chooseTarget, saveArchive } = await import("../jobs/archive.js");
      const target = await chooseTarget(ARCHIVE);
      if (target === undefined) return;
      setDone(0);
      announce("Preparing the zip file");
      await saveArchive(entries, ARCHIVE, target, setDone).finally(() => setDone(-1));
      showNote(`Saved ${formatCount(entries.length, "image")} in a zip file`);
    });
  return html`<button
    type="button"
    class="button"
    aria-disabled=${String(done >= 0)}
    onClick=${() => done < 0 && save()}
  >
    <${Icon} name="download" />
    ${done >= 0 ? `${done} of ${entries.length} in the zip file…` : `Download ${entries.length} ${label} (zip)`}
  </button>`;
}

/** Actions on the images that are selected in the list. @param {{app: App, onRemove: (images: StoredImage[]) => void}} props */
export function MarkedActions({ app, onRemove }) {
  const { store, editor, run } = app;
  const marked = store.images.value.filter((each) => store.markedKeys.value.has(each.key));
  if (!marked.length) return null;
  const process = () => run.start(marked, editor.spec(), { asBatch: marked.length >= MANY });
  return html`<span role="group" aria-label="Selected images" class="row">
    <b>${marked.length} selected</b>
    <button
      type="button"
      class="button button-small"
      disabled=${app.plan.value.invalid}
      onClick=${process}
    >
      Process
    </button>
    <${ArchiveButton} images=${marked} label="selected" />
    <button
      type="button"
      class="button button-small"
      onClick=${() => onRemove(marked)}
    >
      <${Icon} name="trash" /> Delete
    </button>
  </span>`;
}

/** Return true if an image was processed with another recipe. @param {StoredImage} image @param {App["editor"]} editor */
export function usesOtherRecipe(image, editor) {
  const job = getJob(image.state.value);
  if (image.state.value.phase !== "done" || !job) return false;
  return !editor.matches(job);
}
