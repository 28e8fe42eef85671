/** The confirmation dialog for actions that cannot be undone. */

import { el } from "./dom.js";

/**
 * Ask for confirmation. Return true if the user agrees; Escape means no.
 * @param {{title: string, text: string, yes: string}} question
 * @returns {Promise<boolean>}
 */
export function confirmAction({ title, text, yes }) {
  const heading = el("h2", { id: "ask-title" }, title);
  const no = el("button", { class: "button", onClick: () => dialog.close("no") }, "Keep");
  const go = el("button", { class: "button button-danger", onClick: () => dialog.close("yes") }, yes);
  const dialog = el("dialog", { class: "dialog", "aria-labelledby": "ask-title" },
    heading, el("p", {}, text), el("div", { class: "row row-end" }, no, go));
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    dialog.showModal();
    no.focus();
  });
}
