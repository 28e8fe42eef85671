/** Authentication by the method that the deployment is configured for. */

import { html } from "../vendor/preact.js";
import { showView } from "../base/view.js";
import { forgetKey, authenticateWithKey } from "./api-key.js";
import { authenticateWithCognito, signOut } from "./cognito.js";

/** @typedef {{api_url: string, auth: string, cognito: {domain: string, client_id: string}|null, version: string}} Config */

/** @returns {Promise<Config>} */
export async function readConfig() {
  const response = await fetch("config.json", { cache: "no-cache" });
  if (!response.ok) throw new Error(`config.json: HTTP ${response.status}`);
  return response.json();
}

/**
 * Return a function that creates the authentication headers. Wait until the user has signed in.
 * @param {Config} config @param {{rejected?: boolean}} [state] `rejected` if the API rejected the last credentials
 * @returns {Promise<() => Promise<Record<string, string>>>}
 */
export async function authenticate(config, { rejected = false } = {}) {
  if (config.auth === "none") return async () => ({});
  if (config.auth === "api-key") return authenticateWithKey({ rejected });
  if (config.auth === "cognito" && config.cognito) return authenticateWithCognito(config.cognito);
  return new Promise(() => showSigningNotice());
}

/** Return the function that signs the user out, or null if there is no sign-in. @param {Config} config @returns {(() => void)|null} */
export function getSignOut(config) {
  const { cognito } = config;
  if (config.auth === "cognito" && cognito) return () => signOut(cognito);
  if (config.auth !== "api-key") return null;
  return () => {
    forgetKey();
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
