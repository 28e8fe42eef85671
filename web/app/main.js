/** Puts the page together. */

import { find, fill, el } from "./base/dom.js";
import { icon } from "./base/icons.js";
import { route } from "./base/router.js";
import { applyTheme, nextTheme, theme } from "./base/theme.js";
import { leaving, prove, readConfig } from "./auth/session.js";
import { complaint } from "./jobs/facts.js";
import { capabilities, deadLetters, presets, readJob } from "./net/api.js";
import { connect } from "./net/http.js";
import { Problem } from "./net/problem.js";
import { batchPage } from "./pages/batch.js";
import { batchesPage } from "./pages/batches.js";
import { deadLettersPage } from "./pages/dead-letters.js";
import { developPage } from "./pages/develop.js";
import { historyPage } from "./pages/history.js";
import { jobPage } from "./pages/job.js";
import { makeRecipe } from "./recipe/recipe.js";
import { follow } from "./tray/developing.js";
import { takeFiles } from "./tray/intake.js";
import { makeTray } from "./tray/tray.js";

applyTheme();
themeButton();
connection();
try {
  await start(await readConfig());
} catch (fault) {
  fill(find("#view"), el("h1", {}, "Safelight can't be reached"), complaint(fault),
    el("p", {}, el("button", { type: "button", class: "button button-primary", onClick: () => location.reload() }, "Try again")));
}

async function start(config) {
  find("#version").textContent = config.version;
  connect(config.api_url, await prove(config));
  const [able, known] = await opened(config);
  leaveButton(config);
  const tray = makeTray();
  const bench = makeRecipe(able, known);
  const found = tray.remembered();
  takeFiles((files) => {
    tray.add(files);
    location.hash = "#/";
  });
  window.addEventListener("beforeunload", (event) => tray.busy() && event.preventDefault());
  const batch = { title: "Batches", show: (view, id) => (id ? batchPage : batchesPage).show(view, id) };
  await route({
    "": developPage({ config, capabilities: able, bench, tray }),
    history: historyPage,
    jobs: jobPage,
    batches: batch,
    "dead-letters": deadLettersPage,
  });
  document.documentElement.dataset.ready = "";
  await Promise.all([takeUp(tray, found), operatorLink()]);
}

/** Ask for what everything needs; a proof that is refused is asked for again. */
async function opened(config) {
  for (;;) {
    try {
      return await Promise.all([capabilities(), presets()]);
    } catch (problem) {
      const refused = problem instanceof Problem && (problem.status === 401 || problem.status === 403);
      if (!refused || config.auth !== "api-key") throw problem;
      connect(config.api_url, await prove(config, { refused }));
    }
  }
}

/** Find the pictures again that were at hand before the page was loaded anew. */
async function takeUp(tray, ids) {
  for (const id of ids) {
    try {
      const job = await readJob(id);
      follow(tray, tray.adopt(job), job);
    } catch {
      // Deleted meanwhile, or out of reach; the history has what there is.
    }
  }
}

async function operatorLink() {
  try {
    const { dead_letters: letters } = await deadLetters({ limit: "1" });
    const link = find("nav [data-page=dead-letters]");
    link.hidden = false;
    link.classList.toggle("has-news", letters.length > 0);
  } catch {
    // Not for this caller.
  }
}

function themeButton() {
  const button = find("#theme");
  const draw = () => {
    fill(button, icon(theme() === "light" ? "sun" : "moon"));
    button.setAttribute("aria-label", `Theme: ${theme()}`);
    button.title = `Theme: ${theme()}`;
  };
  button.addEventListener("click", () => {
    nextTheme();
    draw();
  });
  draw();
}

function connection() {
  const show = () => (find("#offline").hidden = navigator.onLine);
  window.addEventListener("online", show);
  window.addEventListener("offline", show);
  show();
}

function leaveButton(config) {
  const leave = leaving(config);
  const button = find("#leave");
  button.hidden = !leave;
  if (leave) button.addEventListener("click", leave);
}
