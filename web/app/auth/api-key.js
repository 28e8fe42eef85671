/** Authentication with an API key, which is kept until the tab is closed. */

import { html } from "../vendor/preact.js";
import { find } from "../base/dom.js";
import { showView } from "../base/view.js";

const KEY = "safelight-api-key";

/**
 * Return a function that creates the authentication headers. Ask for the key if none is stored.
 * @param {{rejected: boolean}} state @returns {Promise<() => Promise<Record<string, string>>>}
 */
export async function authenticateWithKey({ rejected }) {
  if (rejected) sessionStorage.removeItem(KEY);
  if (!sessionStorage.getItem(KEY)) sessionStorage.setItem(KEY, await askForKey(rejected));
  return async () => ({ "X-Api-Key": sessionStorage.getItem(KEY) ?? "" });
}

export function forgetKey() {
  sessionStorage.removeItem(KEY);
}

/** @param {boolean} rejected @returns {Promise<string>} */
function askForKey(rejected) {
  return new Promise((resolve) => {
    const send = (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      const key = /** @type {HTMLInputElement} */ (find("#api-key")).value.trim();
      if (key) resolve(key);
    };
    const hint = rejected
      ? "This API key was rejected. Try another key, or ask the operator of this Safelight."
      : "This Safelight requires an API key. The key is kept until you close the tab.";
    showView(
      html`<form key=${`gate ${rejected}`} class="gate panel" onSubmit=${send}>
        <h1 tabindex="-1">Enter your API key</h1>
        <p id="api-key-hint">${hint}</p>
        <label for="api-key">API key</label>
        <input
          id="api-key"
          type="password"
          required
          autocomplete="off"
          spellcheck=${false}
          aria-describedby="api-key-hint"
        />
        <button class="button button-primary" type="submit">Continue</button>
      </form>`,
    );
    find("#api-key").focus();
  });
}
