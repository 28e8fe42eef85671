/** Shows the page that the address names after its `#`. A page may return a function that cleans it up. */

import { el, fill, find } from "./dom.js";

/** @typedef {{title: string, show: (view: HTMLElement, part: string) => (void|(() => void)|Promise<void|(() => void)>)}} Page */

/** @param {Record<string, Page>} pages by the first part of the address; "" is the start page */
export function startRouter(pages) {
  const view = find("#view");
  let cleanUp = /** @type {(() => void)|void} */ (undefined);
  let turn = 0;

  const go = async (first) => {
    const [name = "", part = ""] = location.hash.replace(/^#\/?/, "").split("/");
    const page = pages[name] ?? pages[""];
    turn += 1;
    const ownTurn = turn;
    cleanUp?.();
    cleanUp = undefined;
    fill(view);
    document.title = `${page.title} · Safelight`;
    for (const each of document.querySelectorAll("nav a")) {
      if (each.dataset.page === name) each.setAttribute("aria-current", "page");
      else each.removeAttribute("aria-current");
    }
    const newCleanUp = await page.show(view, decodeURIComponent(part));
    if (ownTurn !== turn) return void newCleanUp?.(); // the user has navigated to another page
    cleanUp = newCleanUp;
    if (!first) findHeading(view)?.focus({ preventScroll: true });
    if (!first) window.scrollTo(0, 0);
  };
  window.addEventListener("hashchange", () => go(false));
  return go(true);
}

/** @param {ParentNode} view */
function findHeading(view) {
  return view.querySelector("h1");
}

/** Create a page's heading. It gets the focus when the page is shown. @param {...any} text */
export function createHeading(...text) {
  return el("h1", { tabindex: "-1" }, text);
}
