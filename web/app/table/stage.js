/** The stage: two versions of an image over or next to each other, with the same zoom and pan. */

import { html, signal, useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import { Photo, Picture } from "./picture.js";
import { useGestures } from "./gestures.js";
import { computeFit, FITTED, refit } from "./zoom.js";
import { controlZoom } from "./zoom-control.js";

/**
 * @typedef {import("./zoom.js").Size} Size
 * @typedef {{url: string|null, alt: string, format: string|null, drawing: import("../edit/drawing.js").Drawing|null}} Side
 *   `url` is null while it is unknown; `drawing` is shown instead of a URL
 * @typedef {"slide"|"beside"|"flip"} Mode
 * @typedef {import("../vendor/preact.js").Signal<import("./zoom.js").Zoom>} ZoomSignal
 */

const PERCENTS = [50, 100, 200];
const RATIO_TOLERANCE = 0.02;
const KEY_PAN = 60; // CSS pixels

/**
 * @param {{before: Side, after: Side|null, mode: Mode, view?: ZoomSignal|null, onMatch: (isMatching: boolean) => void, onMove: (by: number) => void, children: View}} props
 *   `view` keeps zoom and pan while something else is shown in place of the stage.
 *   `onMatch` is called when it changes whether the proportions are equal, so that the images can be laid over each other
 */
export function Stage({ before, after, mode, view = null, onMatch, onMove, children }) {
  const own = useMemo(() => signal(FITTED), []);
  const shared = view ?? own;
  const zoom = shared.value;
  const [split, setSplit] = useState(50);
  const [isHeld, setHeld] = useState(false);
  const [pane, setPane] = useState(/** @type {Size} */ ({ width: 1, height: 1 }));
  const [sizes, setSizes] = useState(/** @type {Record<string, Size|undefined>} */ ({}));
  const stage = useRef(/** @type {HTMLElement|null} */ (null));
  const reference = sizes.before ?? sizes.after ?? { width: 1, height: 1 };
  const isKnown = Boolean(sizes.before ?? sizes.after);
  const isMatching = !sizes.before || !sizes.after || haveSameRatio(sizes.before, sizes.after);
  const shownMode = after ? mode : "single";

  useLayoutEffect(() => {
    const watched = stage.current?.querySelector(".pane");
    if (!watched) return undefined;
    const observer = new ResizeObserver(() => setPane({ width: watched.clientWidth, height: watched.clientHeight }));
    observer.observe(watched);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(
    () => void (isKnown && (shared.value = refit(shared.peek(), reference, pane))),
    [pane, reference.width, reference.height],
  );
  useLayoutEffect(() => onMatch(isMatching), [isMatching]);

  const control = controlZoom(shared, reference, pane);
  const gestures = useGestures({
    stage,
    canPan: zoom.zoom > 1,
    onZoom: control.change,
    onPan: control.pan,
    onSplit: shownMode === "slide" ? setSplit : null,
    onHold: shownMode === "flip" ? setHeld : null,
  });
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const isZoomed = zoom.zoom > 1;
    const forward = document.dir === "rtl" ? -1 : 1; // as in the film strip
    /** @type {Record<string, () => void>} */
    const actions = {
      ...control.keys,
      " ": () => setHeld(true),
      ArrowLeft: () => (isZoomed ? control.pan(KEY_PAN, 0) : onMove(-forward)),
      ArrowRight: () => (isZoomed ? control.pan(-KEY_PAN, 0) : onMove(forward)),
      PageUp: () => onMove(-1),
      PageDown: () => onMove(1),
      ArrowUp: () => isZoomed && control.pan(0, KEY_PAN),
      ArrowDown: () => isZoomed && control.pan(0, -KEY_PAN),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  };

  const box = (/** @type {"before"|"after"} */ kind) => {
    const own = sizes[kind];
    const shown = own && !isMatching ? own : reference;
    const scale = computeFit(shown, pane);
    return { width: shown.width * scale, height: shown.height * scale };
  };
  const layer = (/** @type {"before"|"after"} */ kind, /** @type {Side} */ side) =>
    html`<${Layer}
      key=${kind}
      kind=${kind}
      side=${side}
      box=${isKnown ? box(kind) : null}
      zoom=${zoom}
      isHidden=${shownMode === "flip" && (kind === "before") !== isHeld}
      onSize=${(/** @type {Size|undefined} */ size) => setSizes((now) => ({ ...now, [kind]: size }))}
    />`;
  const percent = Math.round(computeFit(reference, pane) * zoom.zoom * 100);
  return html`<div
    class="stage"
    ref=${stage}
    data-mode=${shownMode}
    data-zoomed=${zoom.zoom > 1}
    style=${{ "--split": `${split}%` }}
    tabindex="0"
    role="group"
    aria-label="Before and after. Plus and minus zoom, 0 fits, arrow keys move, Page Up and Page Down change the image."
    onKeyDown=${onKeyDown}
    onKeyUp=${(/** @type {KeyboardEvent} */ event) => event.key === " " && setHeld(false)}
    ...${gestures}
  >
    ${layer("before", before)} ${after && layer("after", after)}
    ${shownMode === "slide" && html`<${Splitter} split=${split} onSplit=${setSplit} />`}
    <${ZoomButtons}
      percent=${isKnown ? percent : 0}
      isFitted=${zoom.zoom === 1}
      onFit=${control.fit}
      onZoom=${control.zoomTo}
    />
    ${children}
  </div>`;
}

/**
 * The buttons that zoom, and the zoom if it is that of none of them.
 * @param {{percent: number, isFitted: boolean, onFit: () => void, onZoom: (scale: number) => void}} props `percent` is 0 if it is not known
 */
export function ZoomButtons({ percent, isFitted, onFit, onZoom }) {
  return html`<div class="zoom-buttons" role="group" aria-label="Zoom">
      <button type="button" aria-pressed=${String(isFitted)} onClick=${onFit}>Fit</button>
      ${PERCENTS.map(
        (each) =>
          html`<button
            key=${each}
            type="button"
            aria-pressed=${String(percent === each && !isFitted)}
            onClick=${() => onZoom(each / 100)}
          >
            ${each} %
          </button>`,
      )}
    </div>
    ${percent > 0 && !isFitted && !PERCENTS.includes(percent) && html`<span class="zoom-percent">${percent} %</span>`}`;
}

/**
 * @param {{kind: string, side: Side, box: Size|null, zoom: import("./zoom.js").Zoom, isHidden: boolean,
 *   onSize: (size: Size|undefined) => void}} props
 */
function Layer({ kind, side, box, zoom, isHidden, onSize }) {
  const [failedUrl, setFailedUrl] = useState("");
  const { url, alt, format, drawing } = side;
  const style = box && {
    width: `${box.width}px`,
    height: `${box.height}px`,
    transform: `translate(-50%, -50%) translate(${zoom.x}px, ${zoom.y}px) scale(${zoom.zoom})`,
  };
  const onLoad = (/** @type {Event} */ event) => {
    const image = /** @type {HTMLImageElement} */ (event.currentTarget);
    onSize({
      width: image.naturalWidth || 1,
      height: image.naturalHeight || 1,
    });
  };
  const onError = () => {
    setFailedUrl(url ?? "");
    onSize(undefined);
  };
  useLayoutEffect(() => {
    if (drawing) onSize(drawing.size);
  }, [drawing?.size.width, drawing?.size.height]);
  const isFailed = url !== null && url === failedUrl;
  return html`<div class=${`pane pane-${kind}`} hidden=${isHidden}>
    ${drawing && html`<${Picture} canvas=${drawing.canvas} label=${alt} style=${style} />`}
    ${url && !isFailed && html`<${Photo} src=${url} alt=${alt} decoding="async" style=${style} onLoad=${onLoad} onError=${onError} />`}
    ${isFailed && html`<p class="blank">This browser cannot show ${format ? `${format} images` : "this image"}.</p>`}
  </div>`;
}

/** The line between both versions. @param {{split: number, onSplit: (split: number) => void}} props */
function Splitter({ split, onSplit }) {
  const read = (/** @type {Event} */ event) =>
    onSplit(Number(/** @type {HTMLInputElement} */ (event.currentTarget).value));
  return html`<input
      type="range"
      class="splitter"
      min="0"
      max="100"
      value=${split}
      aria-label="Share of the left version"
      aria-valuetext=${`${Math.round(split)} % left, ${100 - Math.round(split)} % right`}
      onInput=${read}
    />
    <span class="split-line" aria-hidden="true"></span>`;
}

/** @param {Size} one @param {Size} other */
function haveSameRatio(one, other) {
  return Math.abs((one.width / one.height) * (other.height / other.width) - 1) < RATIO_TOLERANCE;
}
