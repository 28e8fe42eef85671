/** A job in a few words: sizes before and after, what was saved, what went wrong. */

import { el } from "../base/dom.js";
import { bytes, saving, sides } from "../base/format.js";
import { explained } from "../net/problem.js";

/** @param {any} job */
export function sizes(job) {
  const { raw, result } = job;
  if (!result) return el("p", { class: "facts" }, raw.size ? `${raw.format ?? ""} ${bytes(raw.size)}`.trim() : "");
  const total = result.outputs.reduce((sum, each) => sum + each.size, 0);
  const many = result.outputs.length;
  return el("p", { class: "facts" },
    `${bytes(raw.size)} → ${bytes(total)}`,
    many > 1 ? ` in ${many} files ` : " ",
    many === 1 && el("span", { class: result.size <= raw.size ? "saved" : "grown" }, saving(raw.size, result.size)),
    el("br"),
    el("span", { class: "faint" }, `${sides(result.width, result.height)} ${result.format}`));
}

/** @param {any} failure a job's error, or a Problem */
export function complaint(failure) {
  const { what, advice } = explained(failure);
  return el("p", { class: "complaint-box" }, el("b", {}, what), advice && ` ${advice}`);
}
