/** Entry point: signs the user in, creates the shared state and starts the router. */

import { find, fill, el } from "./base/dom.js";
import { createIcon } from "./base/icons.js";
import { startRouter } from "./base/router.js";
import { applyTheme, nextTheme, getTheme } from "./base/theme.js";
import { getSignOut, authenticate, readConfig } from "./auth/session.js";
import { createErrorBox } from "./jobs/facts.js";
import { getCapabilities, listDeadLetters, listPresets, getJob } from "./net/api.js";
import { connect } from "./net/http.js";
import { Problem } from "./net/problem.js";
import { batchPage } from "./pages/batch.js";
import { batchesPage } from "./pages/batches.js";
import { deadLettersPage } from "./pages/dead-letters.js";
import { createStartPage } from "./pages/start.js";
import { historyPage } from "./pages/history.js";
import { jobPage } from "./pages/job.js";
import { createRecipeEditor } from "./recipe/recipe.js";
import { followJob } from "./uploads/submission.js";
import { listenForFiles } from "./uploads/file-input.js";
import { createQueue, readStoredIds } from "./uploads/queue.js";

applyTheme();
setUpThemeButton();
watchConnection();
try {
  await start(await readConfig());
} catch (problem) {
  fill(find("#view"), el("h1", {}, "Safelight cannot be reached"), createErrorBox(problem),
    el("p", {}, el("button", { class: "button button-primary", onClick: () => location.reload() }, "Try again")));
}

async function start(config) {
  find("#version").textContent = config.version;
  connect(config.api_url, await authenticate(config));
  const [capabilities, presets] = await load(config);
  setUpSignOut(config);
  const queue = createQueue();
  const editor = createRecipeEditor(capabilities, presets);
  const ids = readStoredIds();
  listenForFiles((files) => {
    queue.add(files);
    location.hash = "#/";
  });
  window.addEventListener("beforeunload", (event) => queue.isBusy() && event.preventDefault());
  const batch = { title: "Batches", show: (view, id) => (id ? batchPage : batchesPage).show(view, id) };
  await startRouter({
    "": createStartPage({ config, capabilities, editor, queue }),
    history: historyPage,
    jobs: jobPage,
    batches: batch,
    "dead-letters": deadLettersPage,
  });
  document.documentElement.dataset.ready = "";
  await Promise.all([restoreJobs(queue, ids), showOperatorLink()]);
}

/** Load the capabilities and presets. Ask again for an API key that was rejected. */
async function load(config) {
  for (;;) {
    try {
      return await Promise.all([getCapabilities(), listPresets()]);
    } catch (problem) {
      const rejected = problem instanceof Problem && (problem.status === 401 || problem.status === 403);
      if (!rejected || config.auth !== "api-key") throw problem;
      connect(config.api_url, await authenticate(config, { rejected }));
    }
  }
}

/** Restore the jobs that were in the queue before the page was reloaded. */
async function restoreJobs(queue, ids) {
  for (const id of ids) {
    try {
      const job = await getJob(id);
      followJob(queue, queue.adopt(job), job);
    } catch {
      // Deleted or unreachable. The history shows the jobs that exist.
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

function setUpThemeButton() {
  const button = find("#theme");
  const draw = () => {
    fill(button, createIcon(getTheme() === "light" ? "sun" : "moon"));
    button.setAttribute("aria-label", `Theme: ${getTheme()}`);
    button.title = `Theme: ${getTheme()}`;
  };
  button.addEventListener("click", () => {
    nextTheme();
    draw();
  });
  draw();
}

function watchConnection() {
  const show = () => (find("#offline").hidden = navigator.onLine);
  window.addEventListener("online", show);
  window.addEventListener("offline", show);
  show();
}

function setUpSignOut(config) {
  const signOut = getSignOut(config);
  const button = find("#leave");
  button.hidden = !signOut;
  if (signOut) button.addEventListener("click", signOut);
}
