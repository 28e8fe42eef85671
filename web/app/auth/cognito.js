/** Sign-in through Cognito's hosted page (authorization code with PKCE). */

import { html } from "../vendor/preact.js";
import { createToken } from "../base/random.js";
import { showView } from "../base/view.js";
import { createOfflineProblem, Problem } from "../net/problem.js";
import { runWithRetries } from "../net/retry.js";
import { createVerifier, deriveChallenge } from "./pkce.js";

const TOKENS = "safelight-tokens";
const PENDING = "safelight-sign-in";
const RENEWAL_MARGIN_MILLISECONDS = 60_000;

/**
 * @typedef {{domain: string, client_id: string}} Pool
 * @typedef {{id: string, refresh?: string, until: number}} Tokens `until` in milliseconds since the epoch
 */

/** The renewal that is running. All requests wait for the same one. @type {Promise<string>|null} */
let renewal = null;

/** @param {Pool} pool @returns {Promise<() => Promise<Record<string, string>>>} */
export async function authenticateWithCognito(pool) {
  await completeSignIn(pool);
  if (!readTokens()) return new Promise(() => showSignIn(pool)); // never settles: signing in leaves the page
  return async () => ({ Authorization: `Bearer ${await getToken(pool)}` });
}

/** Sign out, and revoke the refresh token so that no copy of it works. @param {Pool} pool */
export async function signOut(pool) {
  const refresh = readTokens()?.refresh;
  sessionStorage.removeItem(TOKENS);
  if (refresh) await sendForm(pool, "revoke", { token: refresh }).catch(() => {}); // signing out works offline too
  const query = new URLSearchParams({
    client_id: pool.client_id,
    logout_uri: getPageUrl(),
  });
  location.assign(`${pool.domain}/logout?${query}`);
}

/** @param {Pool} pool @param {string} [message] */
function showSignIn(pool, message = "Sign in to use this Safelight.") {
  showView(
    html`<section class="gate panel">
      <h1 tabindex="-1">Sign in</h1>
      <p>${message}</p>
      <button
        type="button"
        class="button button-primary"
        onClick=${() => startSignIn(pool)}
      >
        Sign in
      </button>
    </section>`,
  );
}

/** @param {Pool} pool */
async function startSignIn(pool) {
  const pending = {
    secret: createVerifier(),
    state: createToken(),
    hash: location.hash,
  };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: pool.client_id,
    redirect_uri: getPageUrl(),
    scope: "openid",
    state: pending.state,
    code_challenge: await deriveChallenge(pending.secret),
    code_challenge_method: "S256",
  });
  location.assign(`${pool.domain}/oauth2/authorize?${query}`);
}

/** @param {Pool} pool */
async function completeSignIn(pool) {
  const response = new URLSearchParams(location.search);
  const pending = readStored(PENDING);
  if (!response.has("code") || !pending) return;
  sessionStorage.removeItem(PENDING);
  history.replaceState(null, "", getPageUrl() + pending.hash);
  // A different state means that this tab did not start the sign-in: ignore the code.
  if (response.get("state") !== pending.state) return;
  await requestTokens(pool, {
    grant_type: "authorization_code",
    code: response.get("code") ?? "",
    redirect_uri: getPageUrl(),
    code_verifier: pending.secret,
  });
}

/** @param {Pool} pool @returns {Promise<string>} */
async function getToken(pool) {
  const tokens = readTokens();
  if (tokens && tokens.until - RENEWAL_MARGIN_MILLISECONDS > Date.now()) return tokens.id;
  renewal ??= renew(pool, tokens).finally(() => (renewal = null));
  return renewal;
}

/** Return a new token. A network fault is retried: it does not end the session. @param {Pool} pool @param {Tokens|null} tokens */
async function renew(pool, tokens) {
  const refresh = tokens?.refresh;
  const isRenewed =
    refresh &&
    (await requestTokens(pool, {
      grant_type: "refresh_token",
      refresh_token: refresh,
    }));
  if (!isRenewed) {
    sessionStorage.removeItem(TOKENS);
    showSignIn(pool, "Your session has expired. Sign in again.");
  }
  return readTokens()?.id ?? "";
}

/** @param {Pool} pool @param {Record<string, string>} fields @returns {Promise<boolean>} false if Cognito refuses */
async function requestTokens(pool, fields) {
  const response = await runWithRetries(() => sendForm(pool, "token", fields));
  if (!response.ok) return false;
  const got = await response.json();
  const refresh = got.refresh_token ?? readTokens()?.refresh;
  const tokens = {
    id: got.id_token,
    refresh,
    until: Date.now() + got.expires_in * 1000,
  };
  sessionStorage.setItem(TOKENS, JSON.stringify(tokens));
  return true;
}

/** @param {Pool} pool @param {string} endpoint @param {Record<string, string>} fields @returns {Promise<Response>} */
async function sendForm(pool, endpoint, fields) {
  const body = new URLSearchParams({ client_id: pool.client_id, ...fields });
  const response = await fetch(`${pool.domain}/oauth2/${endpoint}`, {
    method: "POST",
    body,
  }).catch(() => null);
  if (!response) throw createOfflineProblem();
  const { status } = response;
  if (status >= 500)
    throw new Problem({
      code: `HTTP_${status}`,
      title: "The sign-in service failed.",
      status,
      retriable: true,
    });
  return response;
}

const getPageUrl = () => location.origin + location.pathname;

/** @returns {Tokens|null} */
const readTokens = () => readStored(TOKENS);

/** @param {string} key @returns {any} */
function readStored(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}
