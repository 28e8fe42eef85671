/** How many members of a batch have which status, as a bar. */

import { html } from "../vendor/preact.js";

/** @type {Array<[keyof Batch["counts"], string, string]>} */
const PARTS = [
  ["completed", "processed", "good"],
  ["failed", "failed", "bad"],
  ["cancelled", "canceled", "faint"],
  ["expired", "expired", "faint"],
  ["open", "open", "open"],
];

/** @param {{batch: Batch}} props */
export function BatchBar({ batch: { counts } }) {
  const present = PARTS.filter(([name]) => counts[name] > 0);
  const words = present.map(([name, word]) => `${counts[name]} ${word}`).join(", ") || "empty";
  return html`<div class="bar" role="img" aria-label=${words}>
      ${present.map(([name, , kind]) => html`<span key=${name} class=${`bar-${kind}`} style=${{ flexGrow: counts[name] }} />`)}
    </div>
    <p class="facts">${words}</p>`;
}
