/** A choice with a label above it. */

import { html } from "../vendor/preact.js";

/** @param {{id: string, name: string, value: string, options: Array<[string, string]>, onChange: (value: string) => void}} props */
export function Select({ id, name, value, options, onChange }) {
  return html`<div class="field">
    <label for=${id}>${name}</label>
    <select
      id=${id}
      value=${value}
      onChange=${(/** @type {Event} */ event) => onChange(/** @type {HTMLSelectElement} */ (event.currentTarget).value)}
    >
      ${options.map(([each, label]) => html`<option key=${each} value=${each} selected=${each === value}>${label}</option>`)}
    </select>
  </div>`;
}
