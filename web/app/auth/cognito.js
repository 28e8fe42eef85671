/** Cognito: one signs in on its hosted page, and comes back with a code for tokens. */

import { el, fill, find } from "../base/dom.js";
import { token } from "../base/random.js";
import { challenge, verifier } from "./pkce.js";

const TOKENS = "safelight-tokens";
const PENDING = "safelight-sign-in";
const EARLY_MILLISECONDS = 60_000;

/** @param {{domain: string, client_id: string}} pool @returns {Promise<() => Promise<Record<string, string>>>} */
export async function proveByCognito(pool) {
  await comeBack(pool);
  if (!read(TOKENS)) return new Promise(() => offerSignIn(pool)); // the page is left before this is settled
  return async () => ({ Authorization: `Bearer ${await freshToken(pool)}` });
}

/** @param {{domain: string, client_id: string}} pool */
export function signOut(pool) {
  sessionStorage.removeItem(TOKENS);
  const there = new URLSearchParams({ client_id: pool.client_id, logout_uri: here() });
  location.assign(`${pool.domain}/logout?${there}`);
}

function offerSignIn(pool, why = "") {
  fill(find("#view"),
    el("section", { class: "gate panel" },
      el("h1", { tabindex: "-1" }, "Please sign in"),
      el("p", {}, why || "This Safelight wants to know who you are."),
      el("button", { class: "button button-primary", type: "button", onClick: () => leave(pool) }, "Sign in")));
}

async function leave(pool) {
  const pending = { secret: verifier(), state: token(), hash: location.hash };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  const asked = new URLSearchParams({
    response_type: "code", client_id: pool.client_id, redirect_uri: here(), scope: "openid",
    state: pending.state, code_challenge: await challenge(pending.secret), code_challenge_method: "S256",
  });
  location.assign(`${pool.domain}/oauth2/authorize?${asked}`);
}

async function comeBack(pool) {
  const answer = new URLSearchParams(location.search);
  const pending = read(PENDING);
  if (!answer.has("code") || !pending) return;
  sessionStorage.removeItem(PENDING);
  history.replaceState(null, "", here() + pending.hash);
  // An answer to a question that this tab did not ask is none.
  if (answer.get("state") !== pending.state) return;
  await exchange(pool, {
    grant_type: "authorization_code", code: answer.get("code") ?? "", redirect_uri: here(), code_verifier: pending.secret,
  });
}

async function freshToken(pool) {
  const kept = read(TOKENS);
  if (kept && kept.until - EARLY_MILLISECONDS > Date.now()) return kept.id;
  const renewed = kept?.refresh && (await exchange(pool, { grant_type: "refresh_token", refresh_token: kept.refresh }));
  if (!renewed) {
    sessionStorage.removeItem(TOKENS);
    offerSignIn(pool, "Your session is over.");
  }
  return read(TOKENS)?.id ?? "";
}

async function exchange(pool, fields) {
  const body = new URLSearchParams({ client_id: pool.client_id, ...fields });
  const answer = await fetch(`${pool.domain}/oauth2/token`, { method: "POST", body });
  if (!answer.ok) return false;
  const got = await answer.json();
  const refresh = got.refresh_token ?? read(TOKENS)?.refresh;
  const kept = { id: got.id_token, refresh, until: Date.now() + got.expires_in * 1000 };
  sessionStorage.setItem(TOKENS, JSON.stringify(kept));
  return true;
}

const here = () => location.origin + location.pathname;

function read(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}
