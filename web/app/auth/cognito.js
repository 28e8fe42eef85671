/** Sign-in through Cognito's hosted page (authorization code with PKCE). */

import { html } from "../vendor/preact.js";
import { createToken } from "../base/random.js";
import { showView } from "../base/view.js";
import { createOfflineProblem, Problem } from "../net/problem.js";
import { runWithRetries } from "../net/retry.js";
import { createVerifier, deriveChallenge } from "./pkce.js";
import { relaySignIn, requestCode, WINDOW_STATE } from "./sign-in-window.js";

const TOKENS = "safelight-tokens";
const PENDING = "safelight-sign-in";
const RENEWAL_MARGIN_MILLISECONDS = 60_000;

/**
 * @typedef {{domain: string, client_id: string}} Pool
 * @typedef {{id: string, refresh?: string, until: number}} Tokens `until` in milliseconds since the epoch
 * @typedef {{secret: string, state: string, address: string}} SignIn `address` of Cognito's page
 */

/** The renewal that is running. All requests wait for the same one. @type {Promise<string>|null} */
let renewal = null;

/** @param {Pool} pool @returns {Promise<import("./session.js").Session>} */
export async function authenticateWithCognito(pool) {
  const response = new URLSearchParams(location.search);
  if (response.get("state")?.startsWith(WINDOW_STATE)) return new Promise(() => relaySignIn(response));
  await completeSignIn(pool, response);
  if (!readTokens()) return new Promise(() => showSignIn(pool)); // never settles: signing in leaves the page
  return {
    createHeaders: async () => ({ Authorization: `Bearer ${await getToken(pool)}` }),
    async onRejected({ Authorization }) {
      const tokens = readTokens();
      // Another request may have renewed the token already.
      if (tokens && Authorization === `Bearer ${tokens.id}`) storeTokens({ ...tokens, until: 0 });
      return true;
    },
  };
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

/** @param {Pool} pool */
function showSignIn(pool) {
  showView(
    html`<section class="gate panel">
      <h1 tabindex="-1">Sign in</h1>
      <p>Sign in to use this Safelight.</p>
      <button
        type="button"
        class="button button-primary"
        onClick=${() => signInHere(pool)}
      >
        Sign in
      </button>
    </section>`,
  );
}

/** Open the sign-in in place of the page, which opens again after it. @param {Pool} pool */
async function signInHere(pool) {
  const { secret, state, address } = await createSignIn(pool, createToken());
  sessionStorage.setItem(PENDING, JSON.stringify({ secret, state, hash: location.hash }));
  location.assign(address);
}

/** @param {Pool} pool @param {string} state @returns {Promise<SignIn>} */
async function createSignIn(pool, state) {
  const secret = createVerifier();
  const query = new URLSearchParams({
    response_type: "code",
    client_id: pool.client_id,
    redirect_uri: getPageUrl(),
    scope: "openid",
    state,
    code_challenge: await deriveChallenge(secret),
    code_challenge_method: "S256",
  });
  return { secret, state, address: `${pool.domain}/oauth2/authorize?${query}` };
}

/** @param {Pool} pool @param {URLSearchParams} response */
async function completeSignIn(pool, response) {
  const pending = readStored(PENDING);
  if (!response.has("code") || !pending) return;
  sessionStorage.removeItem(PENDING);
  history.replaceState(null, "", getPageUrl() + pending.hash);
  // A different state means that this tab did not start the sign-in: ignore the code.
  if (response.get("state") !== pending.state) return;
  await redeemCode(pool, response.get("code") ?? "", pending.secret);
}

/** @param {Pool} pool @param {string} code @param {string} secret @returns {Promise<boolean>} false if Cognito refuses */
function redeemCode(pool, code, secret) {
  const fields = { grant_type: "authorization_code", code, redirect_uri: getPageUrl(), code_verifier: secret };
  return requestTokens(pool, fields);
}

/** @param {Pool} pool @returns {Promise<string>} */
async function getToken(pool) {
  const tokens = readTokens();
  if (tokens && tokens.until - RENEWAL_MARGIN_MILLISECONDS > Date.now()) return tokens.id;
  renewal ??= renew(pool, tokens?.refresh).finally(() => (renewal = null));
  return renewal;
}

/**
 * Return a new token. A network fault is retried: it does not end the session. When it has ended, the user signs in
 * again, and the requests wait.
 * @param {Pool} pool @param {string} [refresh]
 */
async function renew(pool, refresh) {
  let isRenewed = refresh && (await requestTokens(pool, { grant_type: "refresh_token", refresh_token: refresh }));
  if (!isRenewed) sessionStorage.removeItem(TOKENS);
  while (!isRenewed) {
    const { secret, state, address } = await createSignIn(pool, WINDOW_STATE + createToken());
    const code = await requestCode({ address, state, signInHere: () => signInHere(pool) });
    isRenewed = code && (await redeemCode(pool, code, secret));
  }
  return readTokens()?.id ?? "";
}

/** @param {Pool} pool @param {Record<string, string>} fields @returns {Promise<boolean>} false if Cognito refuses */
async function requestTokens(pool, fields) {
  const response = await runWithRetries(() => sendForm(pool, "token", fields));
  if (!response.ok) return false;
  const got = await response.json();
  const refresh = got.refresh_token ?? readTokens()?.refresh;
  storeTokens({ id: got.id_token, refresh, until: Date.now() + got.expires_in * 1000 });
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

/** @param {Tokens} tokens */
const storeTokens = (tokens) => sessionStorage.setItem(TOKENS, JSON.stringify(tokens));

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
