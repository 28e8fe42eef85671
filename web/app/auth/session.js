/** Who is asking, by the way that this deployment was given. */

import { el, fill, find } from "../base/dom.js";
import { forgetKey, proveByKey } from "./api-key.js";
import { proveByCognito, signOut } from "./cognito.js";

/** @typedef {{api_url: string, auth: string, cognito: {domain: string, client_id: string}|null, version: string}} Config */

/** @returns {Promise<Config>} */
export async function readConfig() {
  const answer = await fetch("config.json", { cache: "no-cache" });
  if (!answer.ok) throw new Error(`config.json: HTTP ${answer.status}`);
  return answer.json();
}

/**
 * Return what adds the proof to a request; waits until there is one.
 * @param {Config} config @param {{refused?: boolean}} [state] `refused` when the last proof was not taken
 * @returns {Promise<() => Promise<Record<string, string>>>}
 */
export async function prove(config, { refused = false } = {}) {
  if (config.auth === "none") return async () => ({});
  if (config.auth === "api-key") return proveByKey({ refused });
  if (config.auth === "cognito" && config.cognito) return proveByCognito(config.cognito);
  return new Promise(() => explainSigning());
}

/** @param {Config} config @returns {(() => void)|null} leaves, where one can */
export function leaving(config) {
  const { cognito } = config;
  if (config.auth === "cognito" && cognito) return () => signOut(cognito);
  if (config.auth !== "api-key") return null;
  return () => {
    forgetKey();
    location.reload();
  };
}

function explainSigning() {
  fill(find("#view"),
    el("section", { class: "gate panel" },
      el("h1", { tabindex: "-1" }, "This Safelight takes signed requests only"),
      el("p", {}, "A page can't sign with AWS credentials, and shouldn't hold any. Use the command line, or deploy with ",
        el("code", {}, "ApiAuth=cognito"), " or ", el("code", {}, "ApiAuth=api-key"), ".")));
}
