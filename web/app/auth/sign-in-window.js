/** Signing in again in a window of its own, so that the page keeps what it shows and the files that are not sent. */

import { html, render } from "../vendor/preact.js";
import { announce } from "../base/announce.js";
import { showView } from "../base/view.js";

const CHANNEL = "safelight-sign-in";
const FEATURES = "popup,width=520,height=700";
/** The states of sign-ins in windows start like this. */
export const WINDOW_STATE = "window.";

/** In the window: pass the response of Cognito to the page that has opened it, and close the window. @param {URLSearchParams} response */
export function relaySignIn(response) {
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage({ code: response.get("code") ?? "", state: response.get("state") });
  channel.close();
  history.replaceState(null, "", location.pathname);
  showView(
    html`<section class="gate panel">
      <h1 tabindex="-1">Back to Safelight</h1>
      <p>You can close this window.</p>
    </section>`,
  );
  window.close();
}

/**
 * In the page: ask the user to sign in, and return the code that Cognito gives the window. The user can do so later.
 * @param {{address: string, state: string, signInHere: () => void}} request
 *   `address` of the sign-in, and the function that opens it in place of the page, if the browser opens no windows
 * @returns {Promise<string>} empty if the sign-in failed
 */
export function requestCode({ address, state, signInHere }) {
  const dialog = document.createElement("dialog");
  const later = document.createElement("button");
  later.type = "button";
  later.className = "button button-small button-primary";
  later.textContent = "Sign in again";
  later.addEventListener("click", () => dialog.showModal());
  dialog.className = "dialog";
  dialog.setAttribute("aria-labelledby", "sign-in-title");
  let isDone = false;
  dialog.addEventListener("close", () => isDone || document.querySelector(".top-tools")?.prepend(later));
  const open = () => {
    if (!window.open(address, CHANNEL, FEATURES)) show(true);
  };
  const show = (/** @type {boolean} */ isBlocked) =>
    render(
      html`<h2 id="sign-in-title">Your session has expired</h2>
        <p>Sign in again to continue. Nothing on this page is lost.</p>
        ${isBlocked && html`<p class="warning">The browser blocked the window. Allow it, or sign in on this page.</p>`}
        <div class="row row-end">
          <button type="button" class="button" onClick=${() => dialog.close()}>Later</button>
          ${isBlocked && html`<button type="button" class="button" onClick=${signInHere}>Sign in on this page</button>`}
          <button type="button" class="button button-primary" onClick=${open}>Sign in</button>
        </div>`,
      dialog,
    );
  show(false);
  document.body.append(dialog);
  dialog.showModal();
  const channel = new BroadcastChannel(CHANNEL);
  return new Promise((resolve) => {
    channel.onmessage = ({ data }) => {
      if (data?.state !== state) return; // the window of another tab
      isDone = true;
      channel.close();
      dialog.close();
      later.remove();
      dialog.remove();
      announce("You are signed in again");
      resolve(String(data.code));
    };
  });
}
