/** The confirmation dialog for actions that cannot be undone. */

import { html, render } from "../vendor/preact.js";

/**
 * Ask for confirmation. Return true if the user agrees. Escape means no.
 * @param {{title: string, text: string, yes: string}} question
 * @returns {Promise<boolean>}
 */
export function confirmAction({ title, text, yes }) {
  const dialog = document.createElement("dialog");
  dialog.className = "dialog";
  dialog.setAttribute("aria-labelledby", "question-title");
  const view = html`<h2 id="question-title">${title}</h2>
    <p>${text}</p>
    <div class="row row-end">
      <button
        type="button"
        class="button"
        autofocus
        onClick=${() => dialog.close("no")}
      >
        Keep
      </button>
      <button
        type="button"
        class="button button-danger"
        onClick=${() => dialog.close("yes")}
      >
        ${yes}
      </button>
    </div>`;
  render(view, dialog);
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      render(null, dialog);
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    dialog.showModal();
    dialog.querySelector("button")?.focus();
  });
}
