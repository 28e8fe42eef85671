/** The copy button. */

import { html, useState } from "../vendor/preact.js";
import { announce } from "./announce.js";
import { Icon } from "./icons.js";

const SHOWN_MILLISECONDS = 1600;

/** @param {{what: string, text: () => string, label?: string}} props `what` is part of the accessible name */
export function CopyButton({ what, text, label = "Copy" }) {
  const [copied, setCopied] = useState(false);
  // Browsers offer no clipboard outside secure contexts. The text can still be selected.
  if (!navigator.clipboard) return null;
  const copy = async () => {
    await navigator.clipboard.writeText(text());
    setCopied(true);
    announce(`${what} copied`);
    setTimeout(() => setCopied(false), SHOWN_MILLISECONDS);
  };
  return html`<button
    type="button"
    class="button button-small"
    aria-label=${`Copy ${what}`}
    onClick=${copy}
  >
    <${Icon} name=${label === "Copy" ? "copy" : "link"} />
    <span>${copied ? "Copied" : label}</span>
  </button>`;
}
