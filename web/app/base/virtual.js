/** Long lists of which only the visible rows are in the document, and those that must stay, such as that with the focus. */

import { useEffect, useRef, useState } from "../vendor/preact.js";

/** Pixels above and below the visible part in which rows are drawn, so that Tab and quick scrolling find them. */
const MARGIN = 400;
/** Rows of the first drawing, before anything is measured. */
const FIRST_ROWS = 12;

/**
 * Return the first and the last row to draw, the last one not included.
 * @param {{count: number, height: number, top: number, viewTop: number, viewBottom: number}} list
 *   `count` rows of `height` pixels, the first one at `top`, in a view from `viewTop` to `viewBottom`
 * @returns {[number, number]}
 */
export function computeRange({ count, height, top, viewTop, viewBottom }) {
  const limit = (/** @type {number} */ row) => Math.max(0, Math.min(count, row));
  const first = Math.floor((viewTop - MARGIN - top) / height);
  const last = Math.ceil((viewBottom + MARGIN - top) / height);
  return [limit(first), limit(last)];
}

/**
 * Return the positions of the entries to draw in ascending order: those of the range, and those of `pinned` that exist.
 * @param {number} count @param {[number, number]} range @param {number[]} pinned
 */
export function listIndices(count, [first, last], pinned) {
  const end = Math.min(last, count);
  const indices = Array.from({ length: Math.max(0, end - first) }, (_, index) => first + index);
  const existing = pinned.filter((each) => each >= 0 && each < count);
  return [...new Set([...indices, ...existing])].sort((one, other) => one - other);
}

/**
 * Draw only the visible entries of a list. Each one needs `data-index`, and all rows the same height. If an element other
 * than the page scrolls, it needs `data-scrolls`. On paper, all rows of a vertical list are drawn.
 * @param {string[]} keys of all entries; the entry that has the focus stays in the document
 * @param {{isHorizontal?: boolean, pinned?: string}} [options]
 *   `isHorizontal` if the entries are columns instead of rows; `pinned` is the key of another entry that stays
 * @returns {{holder: {current: any}, indices: number[], columns: number, height: number, focusEntry: (index: number, selector: string) => void}}
 *   `holder` is the ref of the parent of the entries, and `height` that of a row in pixels
 */
export function useVirtualList(keys, { isHorizontal = false, pinned = "" } = {}) {
  const holder = useRef(/** @type {HTMLElement|null} */ (null));
  const focused = useRef("");
  const [view, setView] = useState({ first: 0, last: FIRST_ROWS, columns: 1, height: 0 });
  const [isPrinted, setPrinted] = useState(false);
  const [, redraw] = useState(0);
  const rows = Math.ceil(keys.length / view.columns);
  /** The newest keys: what an effect of an earlier drawing measures is the newest drawing. */
  const latest = useRef(keys);
  latest.current = keys;

  useEffect(() => {
    const element = holder.current;
    if (!element) return undefined;
    let frame = 0;
    const measure = () => {
      frame = 0;
      const row = element.querySelector("[data-index]");
      if (!row) return;
      const { columns, gap } = readGrid(element, isHorizontal);
      const size = row.getBoundingClientRect();
      const height = (isHorizontal ? size.width : size.height) + gap;
      if (height <= gap) return; // the list is hidden
      const count = Math.ceil(latest.current.length / columns);
      const [first, last] = computeRange({ count, height, ...measurePlace(element, isHorizontal) });
      setView((before) => {
        const isSame = before.first === first && before.last === last && before.columns === columns;
        return isSame && before.height === height ? before : { first, last, columns, height };
      });
    };
    const schedule = () => (frame ||= requestAnimationFrame(measure));
    const remember = (/** @type {FocusEvent} */ { target }) => {
      const entry = target instanceof Element ? target.closest("[data-index]") : null;
      focused.current = entry instanceof HTMLElement ? (latest.current[Number(entry.dataset.index)] ?? "") : "";
    };
    const forget = () => (focused.current = "");
    const resized = new ResizeObserver(schedule);
    resized.observe(element.closest("[data-scrolls]") ?? element);
    element.addEventListener("focusin", remember);
    element.addEventListener("focusout", forget);
    document.addEventListener("scroll", schedule, { capture: true, passive: true });
    window.addEventListener("resize", schedule);
    schedule();
    return () => {
      cancelAnimationFrame(frame);
      resized.disconnect();
      element.removeEventListener("focusin", remember);
      element.removeEventListener("focusout", forget);
      document.removeEventListener("scroll", schedule, { capture: true });
      window.removeEventListener("resize", schedule);
    };
  }, [keys]);
  useEffect(() => {
    const start = () => setPrinted(true);
    const end = () => setPrinted(false);
    window.addEventListener("beforeprint", start);
    window.addEventListener("afterprint", end);
    return () => {
      window.removeEventListener("beforeprint", start);
      window.removeEventListener("afterprint", end);
    };
  }, []);

  /** @type {[number, number]} */
  const range = isPrinted && !isHorizontal ? [0, rows] : keepOne(view.first, view.last, rows);
  /** @type {[number, number]} */
  const entries = [range[0] * view.columns, range[1] * view.columns];
  const staying = [focused.current, pinned].map((key) => (key ? keys.indexOf(key) : -1));
  const indices = listIndices(keys.length, entries, staying);
  return {
    holder,
    indices,
    columns: view.columns,
    height: view.height,
    /** Move the focus to a control of an entry, which may not be drawn yet. */
    focusEntry(index, selector) {
      const key = keys[index];
      if (key === undefined) return;
      focused.current = key;
      redraw((turn) => turn + 1);
      requestAnimationFrame(() => {
        const control = holder.current?.querySelector(`[data-index="${index}"] ${selector}`);
        if (control instanceof HTMLElement) control.focus();
      });
    },
  };
}

/** Return a range of rows with at least one row, so that its height can be measured. @param {number} first @param {number} last @param {number} rows @returns {[number, number]} */
function keepOne(first, last, rows) {
  const start = Math.max(0, Math.min(first, rows - 1));
  return [start, Math.max(start + 1, Math.min(last, rows))];
}

/**
 * Return where a list begins, and the visible part of the window or of the element that scrolls, in pixels from the top.
 * For a horizontal list, the pixels are those from the side where a line of text begins.
 * @param {HTMLElement} element @param {boolean} isHorizontal
 */
function measurePlace(element, isHorizontal) {
  const own = element.getBoundingClientRect();
  const scroller = element.closest("[data-scrolls]")?.getBoundingClientRect();
  if (!isHorizontal) {
    const viewBottom = Math.min(innerHeight, scroller?.bottom ?? innerHeight);
    return { top: own.top, viewTop: Math.max(0, scroller?.top ?? 0), viewBottom };
  }
  const left = Math.max(0, scroller?.left ?? 0);
  const right = Math.min(innerWidth, scroller?.right ?? innerWidth);
  const isReversed = getComputedStyle(element).direction === "rtl";
  return isReversed
    ? { top: -own.right, viewTop: -right, viewBottom: -left }
    : { top: own.left, viewTop: left, viewBottom: right };
}

/**
 * Return the number of columns of a grid, or 1, and the gap between its rows in pixels, or of the columns of a horizontal list.
 * @param {HTMLElement} element @param {boolean} isHorizontal
 */
function readGrid(element, isHorizontal) {
  const { display, gridTemplateColumns, rowGap, columnGap } = getComputedStyle(element);
  if (isHorizontal) return { columns: 1, gap: Number.parseFloat(columnGap) || 0 };
  if (display !== "grid") return { columns: 1, gap: 0 };
  return { columns: gridTemplateColumns.split(" ").length, gap: Number.parseFloat(rowGap) || 0 };
}
