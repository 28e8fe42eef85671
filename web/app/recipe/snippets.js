/** The recipe to take along: as JSON, for curl, and for the command line. */

import { copyButton } from "../base/clipboard.js";
import { el } from "../base/dom.js";
import { address } from "../net/http.js";

const PROOFS = {
  "api-key": " \\\n  -H \"X-Api-Key: $SAFELIGHT_API_KEY\"",
  cognito: " \\\n  -H \"Authorization: Bearer $SAFELIGHT_TOKEN\"",
  iam: " \\\n  --aws-sigv4 \"aws:amz:$AWS_REGION:execute-api\" --user \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\"",
};

/** @param {import("./recipe.js").Bench} bench @param {string} auth */
export function snippets(bench, auth) {
  const kinds = {
    JSON: () => JSON.stringify(bench.compact(), null, 2),
    curl: () => curlLine(bench.wanted(), auth),
    safelight: () => commandLine(bench.wanted()),
  };
  const blocks = Object.entries(kinds).map(([name, text]) => {
    const code = el("code", {}, text());
    bench.state.subscribe(() => (code.textContent = text()));
    return el("div", { class: "snippet" },
      el("div", { class: "snippet-head" }, el("h3", {}, name), copyButton(`the ${name} of this recipe`, text)),
      el("pre", { tabindex: "0", "aria-label": `The recipe for ${name}` }, code));
  });
  return el("details", { class: "more snippets" }, el("summary", {}, "Take the recipe along"), blocks);
}

/** @param {any} wanted @param {string} auth */
export function curlLine(wanted, auth) {
  const options = new URLSearchParams({ filename: "photo.jpg", ...inText(wanted) });
  const url = new URL(`${address("jobs")}?${options}`, location.href);
  return `curl --data-binary @photo.jpg -H 'Content-Type: image/jpeg'${PROOFS[auth] ?? ""} \\\n  ${quoted(url.href)}`;
}

/** @param {any} wanted */
export function commandLine(wanted) {
  const [[name, value]] = Object.entries(inText(wanted));
  return `safelight submit photo.jpg --${name} ${quoted(value)} --out results`;
}

/** Options as a query or a command line holds them. @param {any} wanted @returns {Record<string, string>} */
export function inText(wanted) {
  return wanted.preset ? { preset: wanted.preset } : { pipeline: JSON.stringify(wanted.pipeline) };
}

function quoted(text) {
  return /^[\w-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
