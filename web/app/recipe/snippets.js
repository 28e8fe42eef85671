/** The recipe for use elsewhere: JSON, a curl command and a `safelight` command. */

import { html } from "../vendor/preact.js";
import { CopyButton } from "../base/clipboard.js";
import { buildUrl } from "../net/http.js";
import { toTextOptions } from "./link.js";

/** @type {Record<string, string>} */
const CREDENTIAL_OPTIONS = {
  "api-key": ' \\\n  -H "X-Api-Key: $SAFELIGHT_API_KEY"',
  cognito: ' \\\n  -H "Authorization: Bearer $SAFELIGHT_TOKEN"',
  iam: ' \\\n  --aws-sigv4 "aws:amz:$AWS_REGION:execute-api" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"',
};

/** @param {{editor: import("./editor.js").RecipeEditor, auth: string}} props */
export function Snippets({ editor, auth }) {
  /** @type {Array<[string, string]>} */
  const kinds = [
    ["JSON", JSON.stringify(editor.compacted.value, null, 2)],
    ["curl", formatCurl(editor.spec(), auth)],
    ["safelight", formatCommand(editor.spec())],
  ];
  return html`<div>
    ${kinds.map(
      ([name, text]) =>
        html`<div key=${name} class="snippet">
          <div class="snippet-head">
            <h3>${name}</h3>
            <${CopyButton} what=${`recipe as ${name}`} text=${() => text} />
          </div>
          <pre
            tabindex="0"
            role="region"
            aria-label=${`Recipe as ${name}`}
          ><code>${text}</code></pre>
        </div>`,
    )}
  </div>`;
}

/** @param {JobSpec} spec @param {string} auth */
function formatCurl(spec, auth) {
  const options = new URLSearchParams({
    filename: "photo.jpg",
    ...toTextOptions(spec),
  });
  const url = new URL(`${buildUrl("jobs")}?${options}`, location.href);
  return `curl --data-binary @photo.jpg -H 'Content-Type: image/jpeg'${CREDENTIAL_OPTIONS[auth] ?? ""} \\\n  ${quote(url.href)}`;
}

/** @param {JobSpec} spec */
function formatCommand(spec) {
  const options = Object.entries(toTextOptions(spec)).map(([name, value]) => `--${name} ${quote(value)}`);
  return `safelight submit photo.jpg ${options.join(" ")} --out results`;
}

/** @param {string} text */
function quote(text) {
  return /^[\w-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
