/** A button that copies a text. */

import { announce } from "./announce.js";
import { el } from "./dom.js";
import { icon } from "./icons.js";

/** @param {string} what of which the accessible name speaks @param {() => string} text */
export function copyButton(what, text) {
  const shown = el("span", {}, "Copy");
  const copy = async () => {
    await navigator.clipboard.writeText(text());
    shown.textContent = "Copied";
    announce(`${what} copied`);
    setTimeout(() => (shown.textContent = "Copy"), 1600);
  };
  // Without a safe context a browser offers no clipboard; the text can still be selected.
  const able = Boolean(navigator.clipboard);
  return able && el("button", { type: "button", class: "button button-small", "aria-label": `Copy ${what}`, onClick: copy },
    icon("copy"), shown);
}
