/** Shows the page that the address names after its #; each may hand back what ends it. */

import { el, fill, find } from "./dom.js";

/** @typedef {{title: string, show: (view: HTMLElement, part: string) => (void|(() => void)|Promise<void|(() => void)>)}} Page */

/** @param {Record<string, Page>} pages by the first part of the address; "" is the start */
export function route(pages) {
  const view = find("#view");
  let end = /** @type {(() => void)|void} */ (undefined);
  let turn = 0;

  const go = async (first) => {
    const [name = "", part = ""] = location.hash.replace(/^#\/?/, "").split("/");
    const page = pages[name] ?? pages[""];
    turn += 1;
    const mine = turn;
    end?.();
    end = undefined;
    fill(view);
    document.title = `${page.title} · Safelight`;
    for (const each of document.querySelectorAll("nav a")) {
      if (each.dataset.page === name) each.setAttribute("aria-current", "page");
      else each.removeAttribute("aria-current");
    }
    const ended = await page.show(view, decodeURIComponent(part));
    if (mine !== turn) return void ended?.(); // another page was asked for meanwhile
    end = ended;
    if (!first) heading(view)?.focus({ preventScroll: true });
    if (!first) window.scrollTo(0, 0);
  };
  window.addEventListener("hashchange", () => go(false));
  return go(true);
}

/** @param {ParentNode} view */
function heading(view) {
  return view.querySelector("h1");
}

/** A page's heading, which gets the focus when the page is shown. @param {...any} text */
export function title(...text) {
  return el("h1", { tabindex: "-1" }, text);
}
