/** A button that copies a text to the clipboard. */

import { announce } from "./announce.js";
import { el } from "./dom.js";
import { createIcon } from "./icons.js";

/** @param {string} what named in the accessible name @param {() => string} text */
export function createCopyButton(what, text) {
  const label = el("span", {}, "Copy");
  const copy = async () => {
    await navigator.clipboard.writeText(text());
    label.textContent = "Copied";
    announce(`${what} copied`);
    setTimeout(() => (label.textContent = "Copy"), 1600);
  };
  // Browsers offer no clipboard outside secure contexts. The text can still be selected.
  const supported = Boolean(navigator.clipboard);
  return supported && el("button", { class: "button button-small", "aria-label": `Copy ${what}`, onClick: copy },
    createIcon("copy"), label);
}
