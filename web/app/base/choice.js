/** A choice as a row of buttons, of which one is pressed. */

import { html } from "../vendor/preact.js";

/**
 * @param {{label: string, options: ReadonlyArray<readonly [string, string, string?]>, chosen: string,
 *   onChoose: (value: string) => void, kind?: string}} props
 *   each option has a value, a text, and the reason if it is not available; `kind` is another class
 */
export function Choice({ label, options, chosen, onChoose, kind = "" }) {
  return html`<div class=${`modes ${kind}`} role="group" aria-label=${label}>
    ${options.map(
      ([value, text, reason = ""]) =>
        html`<button
          key=${value}
          type="button"
          aria-pressed=${String(value === chosen)}
          disabled=${Boolean(reason)}
          title=${reason || undefined}
          onClick=${() => onChoose(value)}
        >
          ${text}
        </button>`,
    )}
  </div>`;
}
