/** How far a batch is, as a bar of its states and in words. */

import { el } from "../base/dom.js";

const PARTS = [
  ["completed", "developed", "good"],
  ["failed", "failed", "bad"],
  ["cancelled", "cancelled", "faint"],
  ["expired", "expired", "faint"],
  ["open", "open", "open"],
];

/** @param {{total: number, counts: Record<string, number>}} batch */
export function batchBar({ total, counts }) {
  const there = PARTS.filter(([name]) => counts[name] > 0);
  const words = there.map(([name, word]) => `${counts[name]} ${word}`).join(", ") || "empty";
  const bar = el("div", { class: "batch-bar", role: "img", "aria-label": words }, there.map(([name, , kind]) => {
    const part = el("span", { class: `batch-part batch-${kind}` });
    part.style.flexGrow = String(counts[name] / Math.max(total, 1));
    return part;
  }));
  return [bar, el("p", { class: "facts" }, words)];
}
