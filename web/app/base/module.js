/** Modules and style sheets that are loaded when they are needed. */

import { useEffect, useState } from "../vendor/preact.js";

/**
 * Return a module, or null until it is loaded.
 * @template T @param {() => Promise<T>} load @param {boolean} [isNeeded] @returns {T|null}
 */
export function useModule(load, isNeeded = true) {
  const [loaded, setLoaded] = useState(/** @type {{module: T}|null} */ (null));
  useEffect(() => {
    if (isNeeded && !loaded) load().then((module) => setLoaded({ module }), reportMissing);
  }, [isNeeded]);
  return loaded?.module ?? null;
}

/** Load a style sheet once. @param {string} name of a file in `styles/` */
export function loadStyle(name) {
  const address = new URL(`../styles/${name}`, import.meta.url).href;
  if ([...document.styleSheets].some((each) => each.href === address)) return;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = address;
  document.head.append(link);
}

/** @param {unknown} problem */
function reportMissing(problem) {
  console.warn("A part of the page could not be loaded.", problem);
}
