/** A list that is loaded page by page: the next page when its end becomes visible. */

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { ErrorBox } from "../jobs/facts.js";
import { announce } from "./announce.js";
import { formatCount } from "./format.js";

/** Pages without an entry after which a search asks whether to continue. Each can cost the server a thousand reads. */
const MAX_EMPTY_PAGES = 5;
const MARGIN = "600px";

/**
 * @template T
 * @typedef {{entries: T[], next_cursor: string|null}} Page
 */

/**
 * Load the first page, and again whenever `key` changes. Return the entries and what to show below them.
 * @template T
 * @param {string} key @param {(cursor: string) => Promise<Page<T>>} load @param {string} emptyText
 * @returns {{entries: T[], isComplete: boolean, foot: View, reload: () => void}}
 */
export function usePages(key, load, emptyText) {
  const [entries, setEntries] = useState(/** @type {T[]} */ ([]));
  const [cursor, setCursor] = useState(/** @type {string|null} */ (null));
  const [status, setStatus] = useState(/** @type {"loading"|"ready"|"failed"} */ ("loading"));
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  const [turn, setTurn] = useState(0);
  const [isEndVisible, setEndVisible] = useState(false);
  const current = useRef("");
  const emptyPages = useRef(0);
  const end = useRef(/** @type {HTMLElement|null} */ (null));
  const listing = `${key} ${turn}`;

  const loadPage = async (/** @type {string} */ from) => {
    setStatus("loading");
    try {
      const page = await load(from);
      if (current.current !== listing) return; // the filters have changed since
      emptyPages.current = page.entries.length ? 0 : emptyPages.current + 1;
      const all = from ? [...entries, ...page.entries] : page.entries;
      if (page.entries.length) setEndVisible(false); // until the watcher reports where the end is now
      setEntries(all);
      setCursor(page.next_cursor);
      setStatus("ready");
      if (page.entries.length || !page.next_cursor) announce(all.length ? describe(all.length, page) : emptyText);
    } catch (failure) {
      if (current.current !== listing) return;
      setProblem(failure);
      setStatus("failed");
    }
  };
  useEffect(() => {
    current.current = listing;
    emptyPages.current = 0;
    setEntries([]);
    setCursor(null);
    loadPage("");
    return () => {
      current.current = "";
    };
  }, [listing]);
  useEffect(() => {
    if (!end.current) return undefined;
    const watcher = new IntersectionObserver((found) => setEndVisible(found.some((each) => each.isIntersecting)), {
      rootMargin: MARGIN,
    });
    watcher.observe(end.current);
    return () => watcher.disconnect();
  }, [entries.length]); // a new watcher reports again
  const isStuck = emptyPages.current >= MAX_EMPTY_PAGES;
  useEffect(() => {
    if (isEndVisible && status === "ready" && cursor && !isStuck) loadPage(cursor);
  }, [isEndVisible, status, cursor]);

  const goOn = () => {
    emptyPages.current = 0;
    loadPage(cursor ?? "");
  };
  const foot = html`<div class="row row-center list-end" ref=${end}>
    ${status === "loading" && html`<p class="faint">Loading…</p>`}
    ${
      status === "failed" &&
      html`<${ErrorBox} failure=${problem} />
        <button type="button" class="button" onClick=${goOn}>Try again</button>`
    }
    ${
      status === "ready" &&
      cursor &&
      html`${isStuck && html`<p class="faint">Nothing was found so far.</p>`}
        <button type="button" class="button" onClick=${goOn}>${isStuck ? "Continue the search" : "Show more"}</button>`
    }
    ${status === "ready" && !cursor && !entries.length && html`<p class="empty">${emptyText}</p>`}
  </div>`;
  const isComplete = status === "ready" && !cursor;
  return { entries, isComplete, foot, reload: () => setTurn((now) => now + 1) };
}

/** @param {number} count @param {Page<any>} page */
function describe(count, page) {
  return `${formatCount(count, "entry", "entries")}${page.next_cursor ? " so far" : ""}`;
}
