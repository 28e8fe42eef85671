/** Notes that disappear after a few seconds, and announcements for screen readers. */

import { el, find } from "./dom.js";

const SHOWN_MILLISECONDS = 6000;

/** Announce a text to screen readers without showing it. @param {string} text */
export function announce(text) {
  find("#announcements").textContent = text;
}

/** Show a note at the edge of the page. @param {string} text @param {"good"|"bad"} [kind] */
export function showNote(text, kind = "good") {
  const element = el("p", { class: `note note-${kind}` }, text);
  find("#notes").append(element);
  setTimeout(() => element.remove(), SHOWN_MILLISECONDS);
}
