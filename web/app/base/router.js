/** The address: which page is shown, for which ID, with which filters. `#/jobs/ID`, `#/history?status=FAILED`. */

import { signal } from "../vendor/preact.js";

/** @typedef {{name: string, id: string, query: URLSearchParams}} Route */

/** @param {string} hash @returns {Route} */
export function parseRoute(hash) {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [name = "", id = "", ...rest] = path.split("/");
  // An address with more parts names no page.
  return { name: rest.some(Boolean) ? path : name, id: decode(id), query: new URLSearchParams(query) };
}

/** @type {import("../vendor/preact.js").Signal<Route>} */
export const route = signal(parseRoute(location.hash));

window.addEventListener("hashchange", readAddress);

/** Read the address again, for example after signing in has restored it. */
export function readAddress() {
  route.value = parseRoute(location.hash);
}

/** @param {string} address such as `#/history` */
export function goTo(address) {
  location.hash = address;
}

/** Replace the filters in the address, without a new entry in the browser's history. @param {Record<string, string>} values */
export function setQuery(values) {
  const { name, id } = route.value;
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value));
  const path = `#/${name}${id ? `/${encodeURIComponent(id)}` : ""}`;
  history.replaceState(null, "", query.size ? `${path}?${query}` : path);
  readAddress();
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
