/** A canvas on the page that shows a drawing. */

import { html, useLayoutEffect, useRef } from "../vendor/preact.js";

/** @param {{canvas: HTMLCanvasElement, label: string, style?: Record<string, string>|null}} props */
export function Picture({ canvas, label, style = null }) {
  const shown = useRef(/** @type {HTMLCanvasElement|null} */ (null));
  useLayoutEffect(() => {
    const element = shown.current;
    if (!element) return;
    element.width = canvas.width;
    element.height = canvas.height;
    element.getContext("2d")?.drawImage(canvas, 0, 0);
  }, [canvas]);
  return html`<canvas ref=${shown} role="img" aria-label=${label} style=${style ?? undefined} />`;
}
