/** The progress of a batch: a bar with one part per status, and the counts in words. */

import { el } from "../base/dom.js";

const PARTS = [
  ["completed", "processed", "good"],
  ["failed", "failed", "bad"],
  ["cancelled", "canceled", "faint"],
  ["expired", "expired", "faint"],
  ["open", "open", "open"],
];

/** @param {{total: number, counts: Record<string, number>}} batch */
export function createBatchBar({ total, counts }) {
  const present = PARTS.filter(([name]) => counts[name] > 0);
  const words = present.map(([name, word]) => `${counts[name]} ${word}`).join(", ") || "empty";
  const bar = el("div", { class: "batch-bar", role: "img", "aria-label": words }, present.map(([name, , kind]) => {
    const part = el("span", { class: `batch-part batch-${kind}` });
    part.style.flexGrow = String(counts[name] / Math.max(total, 1));
    return part;
  }));
  return [bar, el("p", { class: "facts" }, words)];
}
