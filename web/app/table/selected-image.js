/** The selected image of the session, with its messages and actions. */

import { html, signal, useMemo } from "../vendor/preact.js";
import { focusSoon } from "../base/dom.js";
import { Icon } from "../base/icons.js";
import { useModule } from "../base/module.js";
import { download } from "../jobs/actions.js";
import { ErrorBox } from "../jobs/facts.js";
import { Chip, describeState } from "../jobs/status.js";
import { formatProblem } from "../net/problem.js";
import { getJob, getVersions } from "../store/images.js";
import { usesOtherRecipe } from "./buttons.js";
import { Viewer } from "./viewer.js";
import { FITTED } from "./zoom.js";

/**
 * @typedef {import("../app.js").App} App
 * @typedef {import("../store/images.js").StoredImage} StoredImage
 */

/** @param {{app: App, views: View, onRemove: (images: StoredImage[]) => void}} props `views` are the buttons that choose the view */
export function SelectedImage({ app, views, onRemove }) {
  const { store, editor } = app;
  const image = store.selected.value;
  const edit = useModule(() => import("../edit/preview.js"));
  const isEdited = editor.tool.value >= 0;
  const tools = useModule(() => import("../edit/stage-tool.js"), isEdited);
  const preview = edit?.getPreview(app) ?? null;
  const view = useMemo(() => signal(FITTED), [image?.key]);
  const move = (/** @type {number} */ by) => {
    store.move(by);
    focusSoon(".viewer .stage"); // the next key moves on
  };
  if (!image) return null;
  const index = store.images.value.indexOf(image);
  const state = image.state.value;
  return html`<${Viewer}
    key=${image.key}
    name=${image.name}
    size=${image.size}
    file=${image.file}
    jobs=${getVersions(state)}
    views=${views}
    position=${store.images.value.length > 1 && html`<${Position} index=${index} count=${store.images.value.length} onMove=${store.move} />`}
    level=${2}
    preview=${preview?.shown.value ?? null}
    view=${view}
    tool=${isEdited && preview && tools && html`<${tools.StageTool} app=${app} preview=${preview} view=${view} />`}
    status=${html`<${Status} image=${image} />`}
    onMove=${move}
    actions=${html`<${Actions} app=${app} image=${image} onRemove=${onRemove} />`}
  >
    <${Messages} image=${image} />
  <//>`;
}

/** Which image is shown, and the buttons to its neighbors. @param {{index: number, count: number, onMove: (by: number) => void}} props */
function Position({ index, count, onMove }) {
  const move = (/** @type {number} */ by) => {
    onMove(by);
    const isEnd = index + 2 * by < 0 || index + 2 * by >= count;
    focusSoon(`.position [data-step="${isEnd ? -by : by}"]`);
  };
  const step = (/** @type {number} */ by, /** @type {string} */ name) =>
    html`<button
      type="button"
      class="tool"
      aria-label=${name}
      title=${name}
      disabled=${index + by < 0 || index + by >= count}
      data-step=${by}
      onClick=${() => move(by)}
    >
      <${Icon} name=${by < 0 ? "back" : "forward"} />
    </button>`;
  return html`<span class="position" role="group" aria-label="Position">
    ${step(-1, "Previous image")}<span class="faint">${index + 1} of ${count}</span>${step(1, "Next image")}
  </span>`;
}

/** @param {{image: StoredImage}} props */
function Status({ image }) {
  const { phase, share } = image.state.value;
  const versions = getVersions(image.state.value);
  const { name, kind } = describeState(image.state.value);
  return html`<${Chip} name=${name} kind=${kind} /> ${
    isOpen(phase) &&
    html`<progress
        max="1"
        value=${phase === "sending" ? share : undefined}
        aria-label=${`Progress of ${image.name}`}
      />`
  }
    ${versions.length > 1 && html`<span class="faint">${versions.length} versions</span>`}`;
}

/** @param {{image: StoredImage}} props */
function Messages({ image }) {
  const { phase, problem, retryProblem } = image.state.value;
  const job = getJob(image.state.value);
  const failure = phase === "lost" ? problem : phase === "done" && job?.error;
  return html`<div class="messages">
    ${retryProblem && html`<p class="trouble" role="status">${formatProblem(retryProblem)}</p>`}
    ${failure && html`<${ErrorBox} failure=${failure} />`}
    ${phase === "done" && job?.warnings.map((each) => html`<p key=${each} class="warning">${each}</p>`)}
  </div>`;
}

/** @param {import("../store/images.js").Phase} phase */
const isOpen = (phase) => phase === "sending" || phase === "working" || phase === "waiting";

/** @param {{app: App, image: StoredImage, onRemove: (images: StoredImage[]) => void}} props */
function Actions({ app, image, onRemove }) {
  const { run, editor, store } = app;
  const { phase } = image.state.value;
  const job = getJob(image.state.value);
  const canRetry = phase === "lost" || (phase === "done" && !job?.result);
  const isEdited = editor.state.value.pipeline.operations[editor.tool.value]?.op === "crop";
  // The large button processes all images.
  const isOneOfMany = store.images.value.length > 1 && (phase === "staged" || usesOtherRecipe(image, editor));
  return html`${
    isOneOfMany &&
    html`<button
      type="button"
      class="button button-small"
      aria-label=${`Process only ${image.name}`}
      disabled=${app.plan.value.invalid}
      onClick=${() => run.start([image], editor.spec(), { asBatch: false })}
    >
      Process this one
    </button>`
  }<button
      type="button"
      class="button button-small"
      data-tool="crop"
      aria-pressed=${String(isEdited)}
      onClick=${() => (isEdited ? (editor.tool.value = -1) : editor.startCrop())}
    >
      <${Icon} name="crop" /> Crop
    </button>
    ${
      job?.result &&
      html`<button
      type="button"
      class="button button-small"
      aria-label=${`Download ${image.name}`}
      onClick=${() => download(job.id)}
    >
      <${Icon} name="download" /> Download
    </button>`
    }
  ${job && html`<a class="button button-small" href=${`#/jobs/${job.id}`} aria-label=${`Details of ${image.name}`}>Details</a>`}
  ${
    canRetry &&
    html`<button
      type="button"
      class="button button-small"
      aria-label=${`Retry ${image.name}`}
      onClick=${() => run.start([image], editor.spec(), { asBatch: false })}
    >
      <${Icon} name="retry" /> Retry
    </button>`
  }
  ${
    isOpen(phase)
      ? html`<button
          type="button"
          class="button button-small"
          aria-label=${`Cancel ${image.name}`}
          onClick=${() => run.cancel([image])}
        >
          <${Icon} name="close" /> Cancel
        </button>`
      : html`<button
          type="button"
          class="button button-small"
          aria-label=${`${job ? "Delete" : "Remove"} ${image.name}`}
          onClick=${() => onRemove([image])}
        >
          <${Icon} name=${job ? "trash" : "close"} />
          ${job ? "Delete" : "Remove"}
        </button>`
  }`;
}
