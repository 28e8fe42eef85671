/** The light table: the selected image, and the film strip below it. */

import { html } from "../vendor/preact.js";
import { SelectedImage } from "./selected-image.js";
import { FilmStrip } from "./strip.js";

/** @param {{app: import("../app.js").App, onRemove: (images: import("../store/images.js").StoredImage[]) => void}} props */
export function LightTable({ app, onRemove }) {
  return html`<${SelectedImage} app=${app} onRemove=${onRemove} /> <${FilmStrip} store=${app.store} />`;
}
