/** The stage while an operation is edited by dragging: the image before this operation, with a box over it. */

import { html, signal, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import { focusSoon } from "../base/dom.js";
import { useFileUrl } from "../base/file-url.js";
import { loadStyle } from "../base/module.js";
import { CropArea } from "./crop-area.js";
import { drawOperations } from "./drawing.js";
import { MarkArea } from "./mark-area.js";
import { ZoomButtons } from "../table/stage.js";
import { FITTED } from "../table/zoom.js";
import { useToolView } from "./tool-view.js";

loadStyle("edit.css");

const MARGIN = 28; // CSS pixels around the image, for the handles

/**
 * @typedef {import("../recipe/editor.js").RecipeEditor} RecipeEditor
 * @typedef {import("./drawing.js").Drawing} Drawing
 */

/**
 * @param {{app: import("../app.js").App, preview: ReturnType<typeof import("./preview.js").getPreview>,
 *   view?: import("../table/stage.js").ZoomSignal|null}} props `view`: zoom and pan, which the comparison has too
 */
export function StageTool({ app: { editor, store }, preview, view: given = null }) {
  const stage = useRef(/** @type {HTMLElement|null} */ (null));
  const [space, setSpace] = useState({ width: 0, height: 0 });
  const own = useMemo(() => signal(FITTED), []);
  const view = given ?? own;
  const index = editor.tool.value;
  const { operations } = editor.state.value.pipeline;
  const operation = operations[index];
  const source = preview.source.value;
  void preview.marks.loaded.value; // draw again when an asset has loaded
  const { status } = editor.subject.value;
  useLayoutEffect(() => {
    const element = stage.current;
    if (!element) return undefined;
    const measure = () =>
      setSpace({ width: element.clientWidth - 2 * MARGIN, height: element.clientHeight - 2 * MARGIN });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  const isReady = Boolean(source && operation && space.width > 0);
  useEffect(() => focusSoon(".stage-tool [data-start]"), [isReady]);
  const close = () => {
    editor.tool.value = -1;
    focusSoon(`[data-tool="${operation?.op}"]`);
  };
  const drawing = source && operation ? drawOperations(source, operations.slice(0, index), preview.marks.draw) : null;
  const url = useFileUrl(index === 0 ? (store.selected.value?.file ?? null) : null);
  const tool = useToolView({ stage, view, size: drawing?.size ?? null, pane: space });
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") close();
    else if (!tool.readKey(event.key)) return;
    event.preventDefault();
  };
  const onKeyUp = (/** @type {KeyboardEvent} */ event) => {
    editor.endChange();
    showHandle(/** @type {Element} */ (event.target));
  };
  /** Move a handle into sight that has the focus. @param {Element} target */
  const showHandle = (target) => target.matches(".crop-handle:focus-visible") && tool.reveal(target);
  const Area = operation?.op === "crop" ? CropArea : MarkArea;
  return html`<div
    class="stage stage-tool"
    onKeyDown=${onKeyDown}
    onKeyUp=${onKeyUp}
    ...${tool.handlers}
  >
    <div class="tool-space" ref=${stage}></div>
    ${
      isReady && drawing
        ? html`<${Area}
            key=${index}
            drawing=${drawing}
            url=${url}
            scale=${tool.scale}
            place=${tool.place}
            operation=${operation}
            drawMark=${preview.marks.draw}
            onChange=${(/** @type {Record<string, any>} */ values) => editor.setOperation(index, values)}
            onEnd=${() => editor.endChange()}
            onClose=${close}
          />
            <${ZoomButtons}
              percent=${Math.round(tool.scale * 100)}
              isFitted=${view.value.zoom === 1}
              onFit=${tool.fit}
              onZoom=${tool.zoomTo}
            />`
        : html`<p class="blank">
            ${status === "failed" ? "This browser cannot show the image. Enter the values in the recipe instead." : "Loading the image…"}
            <button type="button" class="button" onClick=${close}>Done</button>
          </p>`
    }
  </div>`;
}
