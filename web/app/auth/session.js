/** Authentication by the method that the deployment is configured for. */

import { html } from "../vendor/preact.js";
import { showView } from "../base/view.js";
import { createOfflineProblem, parseProblem } from "../net/problem.js";

/**
 * @typedef {{api_url: string, auth: string, cognito: {domain: string, client_id: string}|null, version: string}} Config
 *
 * @typedef {object} Session
 * @property {() => Promise<Record<string, string>>} createHeaders creates the authentication headers
 * @property {(rejected: Record<string, string>) => Promise<boolean>} [onRejected]
 *   gets headers that the API rejected; returns true if others can be tried
 */

/** @returns {Promise<Config>} */
export async function readConfig() {
  const response = await fetch("config.json", { cache: "no-cache" }).catch(() => null);
  if (!response) throw createOfflineProblem();
  if (!response.ok) throw parseProblem(response.status, "", null);
  return response.json();
}

/**
 * Return the session. Wait until the user has signed in. What a method needs is loaded only for this method.
 * @param {Config} config @param {{rejected?: boolean}} [state] `rejected` if the API rejected the last credentials
 * @returns {Promise<Session>}
 */
export async function authenticate(config, { rejected = false } = {}) {
  if (config.auth === "none") return { createHeaders: async () => ({}) };
  if (config.auth === "api-key") {
    const { authenticateWithKey } = await import("./api-key.js");
    return { createHeaders: await authenticateWithKey({ rejected }) };
  }
  if (config.auth === "cognito" && config.cognito) {
    const { authenticateWithCognito } = await import("./cognito.js");
    return authenticateWithCognito(config.cognito);
  }
  return new Promise(() => showSigningNotice());
}

/** Return the function that signs the user out, or null if there is no sign-in. @param {Config} config @returns {(() => void)|null} */
export function getSignOut(config) {
  const { cognito } = config;
  if (config.auth === "cognito" && cognito) return async () => (await import("./cognito.js")).signOut(cognito);
  if (config.auth !== "api-key") return null;
  return async () => {
    (await import("./api-key.js")).forgetKey();
    location.reload();
  };
}

function showSigningNotice() {
  showView(
    html`<section class="gate panel">
      <h1 tabindex="-1">This Safelight accepts only signed requests</h1>
      <p>
        The web page cannot sign requests with AWS credentials. Use the command
        line, or deploy with${" "}
      <code>ApiAuth=cognito</code> or <code>ApiAuth=api-key</code>.
      </p>
    </section>`,
  );
}
