/** The web page: signs in, loads what this Safelight supports, and shows the page of the address. */

import { effect, html, render } from "./vendor/preact.js";
import { createApp } from "./app.js";
import { authenticate, getSignOut, readConfig } from "./auth/session.js";
import { Notes } from "./base/announce.js";
import { find } from "./base/dom.js";
import { keepFocus } from "./base/focus.js";
import { readAddress, route } from "./base/router.js";
import { setUpTheme } from "./base/theme.js";
import { showView } from "./base/view.js";
import { ErrorBox } from "./jobs/facts.js";
import { getCapabilities, listDeadLetters, listPresets } from "./net/api.js";
import { connect, isReachable } from "./net/http.js";
import { explain, Problem } from "./net/problem.js";
import { ProcessPage } from "./pages/process.js";
import { listenForFiles } from "./uploads/file-input.js";

/**
 * The pages by the first part of the address. Pages other than the start page are loaded when they are shown.
 * @type {Record<string, {title: string, load: (id: string) => Promise<((props: any) => any)|null>}>}
 */
const PAGES = {
  "": { title: "Process", load: async () => ProcessPage },
  history: { title: "History", load: async (id) => (id ? null : (await import("./pages/history.js")).HistoryPage) },
  jobs: { title: "Image", load: async (id) => (id ? (await import("./pages/image.js")).ImagePage : null) },
  batches: {
    title: "Batches",
    load: async (id) =>
      id ? (await import("./pages/batch.js")).BatchPage : (await import("./pages/batches.js")).BatchesPage,
  },
  "dead-letters": {
    title: "Dead letters",
    load: async (id) => (id ? null : (await import("./pages/dead-letters.js")).DeadLettersPage),
  },
};

/** The page that is shown, so that a change of its filters does not replace it. */
let shownPage = "";

setUpTheme();
watchConnection();
find(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address belongs to the router
  find("#view").focus();
});
render(html`<${Notes} />`, find("#notes"));
keepFocus(find("#view"));
try {
  await start(await readConfig());
} catch (problem) {
  showFailure(problem);
}

/** Say that the page could not start. It starts again when the network is back. @param {unknown} problem */
function showFailure(problem) {
  const isResponse = problem instanceof Problem && problem.status > 0;
  const { what } = explain(/** @type {any} */ (problem));
  document.title = "Not available · Safelight";
  showView(
    html`<section class="gate panel" role="alert">
      <h1 tabindex="-1">${isResponse ? "Safelight has a problem" : what}</h1>
      ${isResponse ? html`<${ErrorBox} failure=${problem} />` : html`<p>${describeOutage(problem)}</p>`}
      <button type="button" class="button button-primary" onClick=${() => location.reload()}>Try again</button>
    </section>`,
  );
  window.addEventListener("online", () => location.reload(), { once: true });
}

/** @param {unknown} problem */
function describeOutage(problem) {
  const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  if (isLocal && problem instanceof Problem && problem.code === "UNREACHABLE")
    return html`The local stack may be stopped. Start it with <code>safelight up</code>.`;
  return explain(/** @type {any} */ (problem)).advice || "Try again later.";
}

/** @param {import("./auth/session.js").Config} config */
async function start(config) {
  find("#version").textContent = config.version;
  const { createHeaders, onRejected } = await authenticate(config);
  connect(config.api_url, createHeaders, onRejected);
  readAddress();
  const [capabilities, presets] = await load(config);
  setUpSignOut(config);
  const recipeLink = route.value.query.get("recipe") ?? "";
  const app = createApp(config, capabilities, presets, recipeLink);
  if (recipeLink) history.replaceState(null, "", "#/");
  listenForFiles(app.addFiles);
  window.addEventListener("beforeunload", (event) => app.isBusy() && event.preventDefault());
  await showPage(app, true);
  effect(() => void (route.value && showPage(app, false)));
  document.documentElement.dataset.ready = "";
  await Promise.all([app.restore(), showOperatorLink()]);
}

/** @param {import("./app.js").App} app @param {boolean} isFirst */
async function showPage(app, isFirst) {
  const { name, id } = route.peek();
  const key = `${name}/${id}`;
  if (shownPage === key) return; // only the filters have changed
  shownPage = key;
  const page = PAGES[name];
  const Page = await page?.load(id);
  if (shownPage !== key) return; // the user has gone on to another page
  document.title = `${page && Page ? page.title : "Not found"} · Safelight`;
  for (const each of document.querySelectorAll("nav a")) {
    if (each instanceof HTMLElement && each.dataset.page === name) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
  showView(html`<${Page ?? UnknownPage} key=${key} app=${app} id=${id} />`);
  if (isFirst) return;
  window.scrollTo(0, 0);
  requestAnimationFrame(() => document.querySelector("h1")?.focus({ preventScroll: true }));
}

function UnknownPage() {
  return html`<section class="gate panel">
    <h1 tabindex="-1">This page does not exist</h1>
    <p>The address may be incomplete.</p>
    <p><a class="button button-primary" href="#/">Process images</a></p>
  </section>`;
}

/**
 * Load the capabilities and presets. Ask again for an API key that was rejected.
 * @param {import("./auth/session.js").Config} config @returns {Promise<[Capabilities, Preset[]]>}
 */
async function load(config) {
  for (;;) {
    try {
      return await Promise.all([getCapabilities(), listPresets()]);
    } catch (problem) {
      const rejected = problem instanceof Problem && (problem.status === 401 || problem.status === 403);
      if (!rejected || config.auth !== "api-key") throw problem;
      const { createHeaders } = await authenticate(config, { rejected });
      connect(config.api_url, createHeaders);
    }
  }
}

async function showOperatorLink() {
  try {
    const { dead_letters: letters } = await listDeadLetters({ limit: "1" });
    const link = find("nav [data-page=dead-letters]");
    link.hidden = false;
    link.classList.toggle("has-news", letters.length > 0);
  } catch {
    // The caller is not an operator.
  }
}

function watchConnection() {
  const update = () => {
    const label = find("#offline");
    label.hidden = isReachable.value && navigator.onLine; // in this order, so that the effect always reads the signal
    label.textContent = navigator.onLine ? "No response from the server" : "Offline";
  };
  window.addEventListener("online", update);
  window.addEventListener("offline", update);
  effect(update);
}

/** @param {import("./auth/session.js").Config} config */
function setUpSignOut(config) {
  const signOut = getSignOut(config);
  const button = find("#leave");
  button.hidden = !signOut;
  if (signOut) button.addEventListener("click", signOut);
}
