/** Modules and style sheets that are loaded when they are needed. */

import { useEffect, useState } from "../vendor/preact.js";

const RETRY_MILLISECONDS = 3000;

/**
 * Return a module, or null until it is loaded. Without a network, it is loaded later.
 * @template T @param {() => Promise<T>} load @param {boolean} [isNeeded] @returns {T|null}
 */
export function useModule(load, isNeeded = true) {
  const [loaded, setLoaded] = useState(/** @type {{module: T}|null} */ (null));
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    if (!isNeeded || loaded) return undefined;
    let timer = 0;
    let isCurrent = true;
    const retry = () => {
      if (isCurrent) timer = window.setTimeout(() => setAttempt(attempt + 1), RETRY_MILLISECONDS);
    };
    load().then((module) => isCurrent && setLoaded({ module }), retry);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [isNeeded, attempt]);
  return loaded?.module ?? null;
}

/** The style sheets that were loaded, or are. @type {Map<string, Promise<void>>} */
const styles = new Map();

/**
 * Load a style sheet once. Without a network, it is loaded later.
 * @param {string} name of a file in `styles/` @returns {Promise<void>} fulfilled when it applies, or could not be loaded at once
 */
export function loadStyle(name) {
  const known = styles.get(name);
  if (known) return known;
  /** @type {Promise<void>} */
  const loading = new Promise((resolve) => {
    const attempt = () => {
      const link = document.createElement("link");
      link.rel = "stylesheet";
      link.href = new URL(`../styles/${name}`, import.meta.url).href;
      link.addEventListener("load", () => resolve());
      link.addEventListener("error", () => {
        resolve(); // the page works without it
        link.remove();
        window.setTimeout(attempt, RETRY_MILLISECONDS);
      });
      document.head.append(link);
    };
    attempt();
  });
  styles.set(name, loading);
  return loading;
}
