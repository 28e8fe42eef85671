/** Authentication with an API key, which is kept until the tab is closed. */

import { el, fill, find } from "../base/dom.js";

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

function askForKey(rejected) {
  return new Promise((resolve) => {
    const input = el("input", {
      id: "api-key", type: "password", required: true, autocomplete: "off", spellcheck: "false",
      "aria-describedby": "api-key-hint",
    });
    const send = (event) => {
      event.preventDefault();
      if (input.value.trim()) resolve(input.value.trim());
    };
    fill(find("#view"),
      el("form", { class: "gate panel", onSubmit: send },
        el("h1", { tabindex: "-1" }, "Enter your API key"),
        el("p", { id: "api-key-hint" }, rejected
          ? "This API key was rejected. Try another key, or ask the operator of this Safelight."
          : "This Safelight requires an API key. The key is kept until you close the tab."),
        el("label", { for: "api-key" }, "API key"),
        input,
        el("button", { class: "button button-primary", type: "submit" }, "Continue")));
    input.focus();
  });
}
