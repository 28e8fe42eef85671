/** The recipe as JSON, curl command and `safelight` command. */

import { createCopyButton } from "../base/clipboard.js";
import { el } from "../base/dom.js";
import { buildUrl } from "../net/http.js";

const CREDENTIAL_OPTIONS = {
  "api-key": " \\\n  -H \"X-Api-Key: $SAFELIGHT_API_KEY\"",
  cognito: " \\\n  -H \"Authorization: Bearer $SAFELIGHT_TOKEN\"",
  iam: " \\\n  --aws-sigv4 \"aws:amz:$AWS_REGION:execute-api\" --user \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\"",
};

/** @param {import("./recipe.js").RecipeEditor} editor @param {string} auth */
export function createSnippets(editor, auth) {
  const kinds = {
    JSON: () => JSON.stringify(editor.compact(), null, 2),
    curl: () => formatCurl(editor.spec(), auth),
    safelight: () => formatCommand(editor.spec()),
  };
  const blocks = Object.entries(kinds).map(([name, text]) => {
    const code = el("code", {}, text());
    editor.state.subscribe(() => (code.textContent = text()));
    return el("div", { class: "snippet" },
      el("div", { class: "snippet-head" }, el("h3", {}, name), createCopyButton(`recipe as ${name}`, text)),
      el("pre", { tabindex: "0", "aria-label": `Recipe as ${name}` }, code));
  });
  return el("details", { class: "more snippets" }, el("summary", {}, "Use this recipe elsewhere"), blocks);
}

/** @param {any} spec @param {string} auth */
export function formatCurl(spec, auth) {
  const options = new URLSearchParams({ filename: "photo.jpg", ...toTextOptions(spec) });
  const url = new URL(`${buildUrl("jobs")}?${options}`, location.href);
  return `curl --data-binary @photo.jpg -H 'Content-Type: image/jpeg'${CREDENTIAL_OPTIONS[auth] ?? ""} \\\n  ${quote(url.href)}`;
}

/** @param {any} spec */
export function formatCommand(spec) {
  const [[name, value]] = Object.entries(toTextOptions(spec));
  return `safelight submit photo.jpg --${name} ${quote(value)} --out results`;
}

/** Return the job spec as text options of a query or command. @param {any} spec @returns {Record<string, string>} */
export function toTextOptions(spec) {
  return spec.preset ? { preset: spec.preset } : { pipeline: JSON.stringify(spec.pipeline) };
}

function quote(text) {
  return /^[\w-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
