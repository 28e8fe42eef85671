/** Sign-in through Cognito's hosted page (authorization code with PKCE). */

import { el, fill, find } from "../base/dom.js";
import { createToken } from "../base/random.js";
import { deriveChallenge, createVerifier } from "./pkce.js";

const TOKENS = "safelight-tokens";
const PENDING = "safelight-sign-in";
const RENEWAL_MARGIN_MILLISECONDS = 60_000;

/** @param {{domain: string, client_id: string}} pool @returns {Promise<() => Promise<Record<string, string>>>} */
export async function authenticateWithCognito(pool) {
  await completeSignIn(pool);
  if (!readStored(TOKENS)) return new Promise(() => showSignIn(pool)); // never settles: signing in leaves the page
  return async () => ({ Authorization: `Bearer ${await getToken(pool)}` });
}

/** @param {{domain: string, client_id: string}} pool */
export function signOut(pool) {
  sessionStorage.removeItem(TOKENS);
  const query = new URLSearchParams({ client_id: pool.client_id, logout_uri: getPageUrl() });
  location.assign(`${pool.domain}/logout?${query}`);
}

function showSignIn(pool, message = "") {
  fill(find("#view"),
    el("section", { class: "gate panel" },
      el("h1", { tabindex: "-1" }, "Sign in"),
      el("p", {}, message || "Sign in to use this Safelight."),
      el("button", { class: "button button-primary", onClick: () => startSignIn(pool) }, "Sign in")));
}

async function startSignIn(pool) {
  const pending = { secret: createVerifier(), state: createToken(), hash: location.hash };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  const query = new URLSearchParams({
    response_type: "code", client_id: pool.client_id, redirect_uri: getPageUrl(), scope: "openid",
    state: pending.state, code_challenge: await deriveChallenge(pending.secret), code_challenge_method: "S256",
  });
  location.assign(`${pool.domain}/oauth2/authorize?${query}`);
}

async function completeSignIn(pool) {
  const response = new URLSearchParams(location.search);
  const pending = readStored(PENDING);
  if (!response.has("code") || !pending) return;
  sessionStorage.removeItem(PENDING);
  history.replaceState(null, "", getPageUrl() + pending.hash);
  // A different state means that this tab did not start the sign-in: ignore the code.
  if (response.get("state") !== pending.state) return;
  await requestTokens(pool, {
    grant_type: "authorization_code", code: response.get("code") ?? "", redirect_uri: getPageUrl(), code_verifier: pending.secret,
  });
}

async function getToken(pool) {
  const tokens = readStored(TOKENS);
  if (tokens && tokens.until - RENEWAL_MARGIN_MILLISECONDS > Date.now()) return tokens.id;
  const renewed = tokens?.refresh && (await requestTokens(pool, { grant_type: "refresh_token", refresh_token: tokens.refresh }));
  if (!renewed) {
    sessionStorage.removeItem(TOKENS);
    showSignIn(pool, "Your session has expired. Sign in again.");
  }
  return readStored(TOKENS)?.id ?? "";
}

async function requestTokens(pool, fields) {
  const body = new URLSearchParams({ client_id: pool.client_id, ...fields });
  const response = await fetch(`${pool.domain}/oauth2/token`, { method: "POST", body });
  if (!response.ok) return false;
  const got = await response.json();
  const refresh = got.refresh_token ?? readStored(TOKENS)?.refresh;
  const tokens = { id: got.id_token, refresh, until: Date.now() + got.expires_in * 1000 };
  sessionStorage.setItem(TOKENS, JSON.stringify(tokens));
  return true;
}

const getPageUrl = () => location.origin + location.pathname;

function readStored(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}
