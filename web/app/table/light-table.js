/** The light table: the selected image, and the film strip below it. */

import { html } from "../vendor/preact.js";
import { loadStyle } from "../base/module.js";
import { FileButtons } from "../uploads/file-input.js";
import { SelectedImage } from "./selected-image.js";
import { FilmStrip } from "./strip.js";

/**
 * @param {{app: import("../app.js").App, views: View, onRemove: (images: import("../store/images.js").StoredImage[]) => void}} props
 *   `views` are the buttons that choose the view
 */
export function LightTable({ app, views, onRemove }) {
  return html`<${SelectedImage} app=${app} views=${views} onRemove=${onRemove} />
    <div class="strip-row">
      <${FilmStrip} store=${app.store} />
      <${FileButtons} onFiles=${app.addFiles} small />
    </div>`;
}

await loadStyle("stage.css");
