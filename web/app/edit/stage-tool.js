/** The stage while an operation is edited by dragging: the image before this operation, with a box over it. */

import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact.js";
import { focusSoon } from "../base/dom.js";
import { loadStyle } from "../base/module.js";
import { CropArea } from "./crop-area.js";
import { drawOperations } from "./drawing.js";
import { MarkArea } from "./mark-area.js";

loadStyle("edit.css");

const MARGIN = 28; // CSS pixels around the image, for the handles

/**
 * @typedef {import("../recipe/editor.js").RecipeEditor} RecipeEditor
 * @typedef {import("./drawing.js").Drawing} Drawing
 */

/** @param {{app: import("../app.js").App, preview: ReturnType<typeof import("./preview.js").getPreview>}} props */
export function StageTool({ app: { editor }, preview }) {
  const stage = useRef(/** @type {HTMLElement|null} */ (null));
  const [space, setSpace] = useState({ width: 0, height: 0 });
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
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    close();
  };
  const drawing = source && operation ? drawOperations(source, operations.slice(0, index), preview.marks.draw) : null;
  const scale = drawing
    ? Math.max(0.001, Math.min(space.width / drawing.size.width, space.height / drawing.size.height, 3))
    : 1;
  const Area = operation?.op === "crop" ? CropArea : MarkArea;
  return html`<div class="stage stage-tool" onKeyDown=${onKeyDown} onKeyUp=${() => editor.endChange()}>
    <div class="tool-space" ref=${stage}></div>
    ${
      isReady && drawing
        ? html`<${Area}
            key=${index}
            drawing=${drawing}
            scale=${scale}
            operation=${operation}
            drawMark=${preview.marks.draw}
            onChange=${(/** @type {Record<string, any>} */ values) => editor.setOperation(index, values)}
            onEnd=${() => editor.endChange()}
            onClose=${close}
          />`
        : html`<p class="blank">
            ${status === "failed" ? "This browser cannot show the image. Enter the values in the recipe instead." : "Loading the image…"}
            <button type="button" class="button" onClick=${close}>Done</button>
          </p>`
    }
  </div>`;
}
