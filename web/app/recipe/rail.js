/** The recipe beside the images: presets, operations, outputs, what to expect, and the buttons that start. */

import { html, useState } from "../vendor/preact.js";
import { CopyButton } from "../base/clipboard.js";
import { Icon } from "../base/icons.js";
import { useModule } from "../base/module.js";
import { RecipeForm } from "./form.js";
import { encodeRecipe } from "./link.js";
import { PlanView } from "./plan-view.js";
import { PresetChoice } from "./presets.js";

/**
 * @param {{editor: import("./editor.js").RecipeEditor, plan: import("../vendor/preact.js").Signal<import("./plan.js").PlanState>,
 *   auth: string, children: View}} props `children` are the buttons at the end
 */
export function RecipeRail({ editor, plan, auth, children }) {
  const [isOpened, setOpened] = useState(false);
  const snippets = useModule(() => import("./snippets.js"), isOpened);
  const createLink = () => `${location.href.split("#")[0]}#/?recipe=${encodeRecipe(editor.state.value)}`;
  return html`<aside class="rail" aria-label="Recipe">
    <div class="rail-scroll" onChange=${() => editor.endChange()}>
      <div class="rail-head">
        <h2>Recipe</h2>
        <button
          type="button"
          class="button button-small"
          aria-label="Undo the last change of the recipe"
          disabled=${editor.undoable.value.length === 0}
          onClick=${() => editor.undo()}
        >
          <${Icon} name="undo" /> Undo
        </button>
        <${CopyButton}
          what="a link with this recipe"
          label="Link"
          text=${createLink}
        />
      </div>
      <${PresetChoice} editor=${editor} />
      <${RecipeForm} editor=${editor} errors=${plan.value.errors} plan=${plan.value.plan} />
      <details class="more snippets" onToggle=${() => setOpened(true)}>
        <summary>Use this recipe elsewhere</summary>
        ${snippets && html`<${snippets.Snippets} editor=${editor} auth=${auth} />`}
      </details>
    </div>
    <div class="rail-foot">
      <${PlanView} state=${plan.value} pipeline=${editor.state.value.pipeline} />
      ${children}
    </div>
  </aside>`;
}
