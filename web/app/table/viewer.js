/** One image, large: its versions, facts and actions. */

import { html, useEffect, useState } from "../vendor/preact.js";
import { Choice } from "../base/choice.js";
import { loadStyle } from "../base/module.js";
import { Saving } from "../jobs/facts.js";
import { Stage } from "./stage.js";
import { findOriginal } from "../store/images.js";
import { listPreviewVersions, listVersions, useVersionUrl } from "./versions.js";

void loadStyle("stage.css");

/** @type {Array<[import("./stage.js").Mode, string]>} */
const MODES = [
  ["slide", "Slide"],
  ["beside", "Side by side"],
  ["flip", "Hold to flip"],
];

/**
 * @param {{name: string, size: number, file: File|null, jobs: Job[], position: View, views?: View, onMove: (by: number) => void,
 *   level: number, status: View, actions: View, children: View, preview?: import("../edit/preview.js").Previews|null,
 *   tool?: View, view?: import("./stage.js").ZoomSignal|null}} props
 *   `level` is that of the heading; `views` and `position` are before and behind it; `children` are messages about the image; `preview` is shown beside the versions;
 *   `tool` is shown in place of the stage; `view` keeps its zoom
 */
export function Viewer({
  name,
  size,
  file,
  jobs,
  position,
  onMove,
  level,
  status,
  actions,
  children,
  preview = null,
  views = null,
  tool = null,
  view = null,
}) {
  const finished = listVersions(jobs, size, preview?.original);
  const drawn = preview ? listPreviewVersions(preview) : [];
  const versions = [...finished, ...drawn];
  /** The output that the user has chosen last: another recipe shows the same one. */
  const [output, setOutput] = useState("");
  const results = finished.filter((each) => each.job && each.job === lastFinished(jobs));
  const newest = findOutput(results, output) ?? results.find((each) => each.output === each.job?.result?.name);
  const [leftKey, setLeftKey] = useState("original");
  const [rightKey, setRightKey] = useState("");
  const [mode, setMode] = useState(/** @type {import("./stage.js").Mode} */ ("slide"));
  const [isMatching, setMatching] = useState(true);
  useEffect(() => setRightKey(""), [results[0]?.key, preview === null]);
  const left = versions.find((each) => each.key === leftKey) ?? versions[0] ?? null;
  const right =
    versions.find((each) => each.key === rightKey) ??
    findOutput(drawn, output) ??
    drawn[0] ??
    newest ??
    versions[1] ??
    null;
  const wanted = [left, right].flatMap((each) => (each?.isPreview && each.output) || []);
  useEffect(() => preview?.want(wanted), [preview === null, wanted.join()]);
  const chooseRight = (/** @type {string} */ key) => {
    setRightKey(key);
    setOutput(versions.find((each) => each.key === key)?.output ?? "");
  };
  const job = findOriginal(jobs);
  const leftUrl = useVersionUrl(left, file, job);
  const rightUrl = useVersionUrl(right, file, job);
  const Heading = `h${level}`;
  const side = (/** @type {import("./versions.js").Version|null} */ version, /** @type {string|null} */ url) => ({
    url,
    alt: `${name}, ${version?.label.toLowerCase()}`,
    format: version?.format ?? null,
    drawing: version?.preview ?? null,
  });
  // Images of other proportions cannot be laid over each other.
  const shownMode = mode === "slide" && !isMatching ? "beside" : mode;

  return html`<section class="viewer" aria-label="Selected image">
    <div class="viewer-head">
      ${views}
      <${Heading} class="name" title=${name} tabindex="-1"><bdi>${name}</bdi></${Heading}>
      ${position}
      ${status}
      <div class="row viewer-actions">${actions}</div>
    </div>
    ${children}
    ${tool}
    ${
      !tool &&
      html`<${Stage}
      before=${side(left, leftUrl)}
      after=${right ? side(right, rightUrl) : null}
      mode=${shownMode}
      view=${view}
      onMatch=${setMatching}
      onMove=${onMove}
    >
      ${
        right &&
        html`<${Choice}
          label="Comparison"
          kind="stage-modes"
          options=${MODES.map(([each, text]) => [each, text, each === "slide" && !isMatching ? "The proportions differ." : ""])}
          chosen=${shownMode}
          onChoose=${setMode}
        />`
      }
      <${Tag} kind="left" name="Left version" versions=${versions} shown=${left} original=${versions[0]} onChoose=${setLeftKey} />
      ${right && html`<${Tag} kind="right" name="Right version" versions=${versions} shown=${right} original=${versions[0]} onChoose=${chooseRight} />`}
    <//>`
    }
  </section>`;
}

/** @param {import("./versions.js").Version[]} versions @param {string} output */
function findOutput(versions, output) {
  return output ? versions.find((each) => each.output === output) : undefined;
}

/** @param {Job[]} jobs */
function lastFinished(jobs) {
  return jobs.findLast((each) => each.result) ?? null;
}

/**
 * The facts of a version, on the image, and the choice of another one.
 * @param {{kind: "left"|"right", name: string, versions: import("./versions.js").Version[],
 *   shown: import("./versions.js").Version|null, original: import("./versions.js").Version, onChoose: (key: string) => void}} props
 */
function Tag({ kind, name, versions, shown, original, onChoose }) {
  if (!shown) return null;
  const choose = (/** @type {Event} */ event) => onChoose(/** @type {HTMLSelectElement} */ (event.currentTarget).value);
  return html`<div class=${`tag tag-${kind}`}>
    ${
      versions.length > 2
        ? html`<select aria-label=${name} value=${shown.key} onChange=${choose}>
            ${versions.map((each) => html`<option key=${each.key} value=${each.key} selected=${each.key === shown.key}>${each.label}</option>`)}
          </select>`
        : html`<b>${shown.label}</b>`
    }
    ${" "}${shown.job && html`<${Saving} before=${original.size} after=${shown.size} />`}
    <span class="tag-caption">${shown.caption.split(" · ").map((each, index) => html`<span key=${index}>${index > 0 && "· "}${each}</span> `)}</span>
  </div>`;
}
