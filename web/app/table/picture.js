/** A canvas on the page that shows a drawing, and an image. */

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

/** An image. When it is no longer shown, it does not continue to load: its object URL is revoked then. @param {Record<string, any>} props */
export function Photo(props) {
  const shown = useRef(/** @type {HTMLImageElement|null} */ (null));
  useLayoutEffect(() => {
    const element = shown.current;
    return () => element?.removeAttribute("src");
  }, []);
  return html`<img ref=${shown} draggable=${false} ...${props} />`;
}
