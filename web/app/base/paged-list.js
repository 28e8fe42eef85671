/** A list that is loaded page by page. */

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { ErrorBox } from "../jobs/facts.js";

/**
 * @template T
 * @typedef {{entries: T[], next_cursor: string|null}} Page
 */

/**
 * Load the first page, and again whenever `key` changes. Return the entries and what to show below them.
 * @template T
 * @param {string} key @param {(cursor: string) => Promise<Page<T>>} load @param {string} emptyText
 * @returns {{entries: T[], foot: View, reload: () => void}}
 */
export function usePages(key, load, emptyText) {
  const [entries, setEntries] = useState(/** @type {T[]} */ ([]));
  const [cursor, setCursor] = useState(/** @type {string|null} */ (null));
  const [status, setStatus] = useState(/** @type {"loading"|"ready"|"failed"} */ ("loading"));
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  const [turn, setTurn] = useState(0);
  const current = useRef("");
  const listing = `${key} ${turn}`;

  const loadPage = async (/** @type {string} */ from) => {
    setStatus("loading");
    try {
      const page = await load(from);
      if (current.current !== listing) return; // the filters have changed since
      setEntries((before) => (from ? [...before, ...page.entries] : page.entries));
      setCursor(page.next_cursor);
      setStatus("ready");
    } catch (failure) {
      if (current.current !== listing) return;
      setProblem(failure);
      setStatus("failed");
    }
  };
  useEffect(() => {
    current.current = listing;
    setEntries([]);
    setCursor(null);
    loadPage("");
    return () => {
      current.current = "";
    };
  }, [listing]);

  const foot = html`<div class="row row-center" aria-live="polite">
    ${status === "loading" && html`<p class="faint">Loading…</p>`}
    ${
      status === "failed" &&
      html`<${ErrorBox} failure=${problem} />
        <button
          type="button"
          class="button"
          onClick=${() => loadPage(cursor ?? "")}
        >
          Try again
        </button>`
    }
    ${status === "ready" && cursor && html`<button type="button" class="button" onClick=${() => loadPage(cursor)}>Show more</button>`}
    ${status === "ready" && !cursor && !entries.length && html`<p class="empty">${emptyText}</p>`}
  </div>`;
  return { entries, foot, reload: () => setTurn((now) => now + 1) };
}
