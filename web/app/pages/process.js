/** The start page: the images of this session with the recipe beside them. */

import { html, useEffect, useState } from "../vendor/preact.js";
import { Choice } from "../base/choice.js";
import { focusSoon } from "../base/dom.js";
import { formatCount, isolate } from "../base/format.js";
import { useModule } from "../base/module.js";
import { deleteWithUndo } from "../jobs/deletion.js";
import { RecipeRail } from "../recipe/rail.js";
import { getJob, getVersions } from "../store/images.js";
import { forgetFiles } from "../store/saved-files.js";
import { MANY, MarkedActions, StartButtons } from "../table/buttons.js";
import { SummaryBar } from "../table/summary-bar.js";
import { FileButtons } from "../uploads/file-input.js";
import { Start } from "./start.js";

/**
 * @typedef {import("../app.js").App} App
 * @typedef {import("../store/images.js").StoredImage} StoredImage
 */

/** @type {Array<[string, string]>} */
const VIEWS = [
  ["strip", "One image"],
  ["list", "List"],
];

/** @param {{app: App}} props */
export function ProcessPage({ app }) {
  const { store, editor, capabilities, config } = app;
  const images = store.images.value;
  const [chosenView, setChosenView] = useState("");
  const view = chosenView || (images.length >= MANY ? "list" : "strip");
  // The start page does not need it, so it is loaded after it.
  const lightTable = useModule(() => import("../table/light-table.js"));
  const list = useModule(() => import("../table/list.js"), view === "list");
  useEffect(() => {
    if (!images.length) setChosenView("");
  }, [images.length === 0]);

  const open = (/** @type {StoredImage} */ image) => {
    store.selectedKey.value = image.key;
    setChosenView("strip");
    focusSoon(".viewer .name");
  };
  const remove = (/** @type {StoredImage[]} */ removed) => removeImages(app, removed);
  const retryFailed = () => app.run.start(images.filter(isFailed), editor.spec(), { asBatch: false });
  const showFailed = () => {
    const first = images.find(isFailed);
    if (images.length >= MANY) setChosenView("list");
    else if (first) open(first);
  };
  const views = html`<${Choice} label="View" options=${VIEWS} chosen=${view} onChoose=${setChosenView} />`;
  return html`<div class="desk" data-filled=${images.length > 0}>
    <div class="desk-main">
      ${
        images.length === 0
          ? html`<${Start}
              capabilities=${capabilities}
              editor=${editor}
              onFiles=${app.addFiles}
              onSample=${() => app.addSample()}
            />`
          : html`<h1 class="unseen" tabindex="-1">Images</h1>
              ${
                view === "list"
                  ? html`<div class="desk-tools row">
                        ${views}
                        <${FileButtons} onFiles=${app.addFiles} small />
                        <${MarkedActions} app=${app} onRemove=${remove} />
                      </div>
                      ${list && html`<${list.ImageList} store=${store} onOpen=${open} />`}`
                  : lightTable && html`<${lightTable.LightTable} app=${app} views=${views} onRemove=${remove} />`
              }`
      }
    </div>
    <${RecipeRail} editor=${editor} plan=${app.plan} auth=${config.auth}>
      <${StartButtons} app=${app} />
    <//>
    <${SummaryBar}
      store=${store}
      run=${app.run}
      onRetry=${retryFailed}
      onShowFailed=${showFailed}
    />
  </div>`;
}

/** @param {StoredImage} image */
function isFailed(image) {
  return image.state.value.phase === "lost" || getJob(image.state.value)?.status === "FAILED";
}

/** Remove images and delete their jobs, unless the user undoes it. @param {App} app @param {StoredImage[]} removed */
function removeImages({ store, run }, removed) {
  run.cancel(removed);
  const list = store.images.value;
  const ids = removed.flatMap((each) => getVersions(each.state.value).map((job) => job.id));
  const onUndo = () => {
    store.restore(list);
    store.save();
  };
  store.remove(removed);
  store.save();
  const what = removed.length === 1 ? isolate(removed[0]?.name ?? "") : formatCount(removed.length, "image");
  deleteWithUndo({
    ids,
    text: `${what} ${ids.length ? "deleted" : "removed"}`,
    onUndo,
    onEnd: () => forgetFiles(removed),
  });
  focusSoon(store.images.value.length ? ".viewer .name, .list" : "h1");
}
