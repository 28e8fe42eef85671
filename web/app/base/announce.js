/** Messages: announced to screen readers, or shown as notes at the edge of the page. */

import { html, signal } from "../vendor/preact.js";
import { find } from "./dom.js";
import { createToken } from "./random.js";

const SHOWN_MILLISECONDS = 8000;

/** @typedef {{key: string, text: string, kind: "good"|"bad", action?: {label: string, run: () => void}}} Note */

/** @type {import("../vendor/preact.js").Signal<Note[]>} */
const notes = signal([]);

/** Announce a text to screen readers without showing it. @param {string} text */
export function announce(text) {
  find("#announcements").textContent = text;
}

/**
 * Show a note, optionally with a button.
 * @param {string} text @param {{kind?: "good"|"bad", action?: {label: string, run: () => void}}} [options]
 */
export function showNote(text, { kind = "good", action } = {}) {
  const note = { key: createToken(), text, kind, action };
  notes.value = [...notes.value, note];
  setTimeout(() => removeNote(note.key), SHOWN_MILLISECONDS);
}

/** @param {string} key */
function removeNote(key) {
  notes.value = notes.value.filter((each) => each.key !== key);
}

/** The notes that are shown. */
export function Notes() {
  return notes.value.map(
    ({ key, text, kind, action }) =>
      html`<div key=${key} class=${`note note-${kind}`}>
        <p>${text}</p>
        ${
          action &&
          html`<button
            type="button"
            class="button button-small"
            onClick=${() => {
              removeNote(key);
              action.run();
            }}
          >
            ${action.label}
          </button>`
        }
      </div>`,
  );
}
