/** The status changes of a job. */

import { el } from "../base/dom.js";
import { formatDuration, formatTime } from "../base/format.js";
import { getStatusName } from "./status.js";

/** @param {Array<{status: string, at: string, code: string|null}>} history */
export function createTimeline(history) {
  return el("ol", { class: "timeline" }, history.map((each, index) => {
    const before = history[index - 1];
    const since = before ? new Date(each.at).getTime() - new Date(before.at).getTime() : 0;
    return el("li", { dataset: { status: each.status } },
      el("b", {}, getStatusName(each.status)), each.code && el("code", {}, each.code),
      el("time", { datetime: each.at, class: "faint" }, index === 0 ? formatTime(each.at) : `+ ${formatDuration(since)}`));
  }));
}
