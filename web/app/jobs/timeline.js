/** What happened to a job, line by line. */

import { el } from "../base/dom.js";
import { lasting, moment } from "../base/format.js";
import { statusName } from "./status.js";

/** @param {Array<{status: string, at: string, code: string|null}>} history */
export function timeline(history) {
  return el("ol", { class: "timeline" }, history.map((each, index) => {
    const before = history[index - 1];
    const since = before ? new Date(each.at).getTime() - new Date(before.at).getTime() : 0;
    return el("li", { dataset: { status: each.status } },
      el("b", {}, statusName(each.status)), each.code && el("code", {}, each.code),
      el("time", { datetime: each.at, class: "faint" }, index === 0 ? moment(each.at) : `+ ${lasting(since)}`));
  }));
}
