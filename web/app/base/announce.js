/** Says things: to everybody in a note that goes by itself, and to a screen reader. */

import { el, find } from "./dom.js";

const SHOWN_MILLISECONDS = 6000;

/** Tell a screen reader, and show nothing. @param {string} text */
export function announce(text) {
  find("#announcements").textContent = text;
}

/** Show a note at the edge of the page. @param {string} text @param {"good"|"bad"} [kind] */
export function note(text, kind = "good") {
  const shown = el("p", { class: `note note-${kind}` }, text);
  find("#notes").append(shown);
  setTimeout(() => shown.remove(), SHOWN_MILLISECONDS);
}
