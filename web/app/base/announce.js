/** Messages: announced to screen readers, or shown as notes at the edge of the page. */

import { html, signal } from "../vendor/preact.js";
import { find } from "./dom.js";
import { createToken } from "./random.js";

const SHOWN_MILLISECONDS = 8000;

/** @typedef {{label: string, run: () => void}} Action */
/** @typedef {{key: string, text: string, kind: "good"|"bad", action?: Action, onExpire?: () => void}} Note */

/** @type {import("../vendor/preact.js").Signal<Note[]>} */
const notes = signal([]);
/** Timers of the notes by key. @type {Map<string, number>} */
const timers = new Map();

/** Announce a text to screen readers without showing it. @param {string} text */
export function announce(text) {
  find("#announcements").textContent = text;
}

/**
 * Show a note for some seconds, optionally with a button. It stays while the pointer or the focus is on it.
 * @param {string} text @param {{kind?: "good"|"bad", action?: Action, onExpire?: () => void}} [options]
 *   `onExpire` runs when the note disappears without its action.
 */
export function showNote(text, { kind = "good", action, onExpire } = {}) {
  const note = { key: createToken(), text, kind, action, onExpire };
  notes.value = [...notes.value, note];
  startTimer(note);
}

/** @param {Note} note */
function startTimer(note) {
  stopTimer(note);
  // A button that loses the focus because its note is removed comes here too.
  if (!notes.value.includes(note)) return;
  const expire = () => {
    removeNote(note);
    note.onExpire?.();
  };
  timers.set(note.key, window.setTimeout(expire, SHOWN_MILLISECONDS));
}

/** @param {Note} note */
function stopTimer({ key }) {
  clearTimeout(timers.get(key));
  timers.delete(key);
}

/** @param {Note} note */
function removeNote(note) {
  stopTimer(note);
  notes.value = notes.value.filter((each) => each.key !== note.key);
}

/** The notes that are shown. */
export function Notes() {
  return notes.value.map(
    (note) =>
      html`<div
        key=${note.key}
        class=${`note note-${note.kind}`}
        onPointerEnter=${() => stopTimer(note)}
        onPointerLeave=${() => startTimer(note)}
        onFocusIn=${() => stopTimer(note)}
        onFocusOut=${() => startTimer(note)}
      >
        <p>${note.text}</p>
        ${
          note.action &&
          html`<button
            type="button"
            class="button button-small"
            onClick=${() => {
              removeNote(note);
              note.action?.run();
            }}
          >
            ${note.action.label}
          </button>`
        }
      </div>`,
  );
}
