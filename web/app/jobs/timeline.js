/** The statuses that a job has had, with the time between them. */

import { html } from "../vendor/preact.js";
import { formatDuration, formatTime } from "../base/format.js";
import { getStatusName } from "./status.js";

/** @param {{history: Array<{status: string, at: string, code?: string|null}>}} props */
export function Timeline({ history }) {
  return html`<ol class="timeline">
    ${history.map((each, index) => {
      const before = history[index - 1];
      const since = before ? new Date(each.at).getTime() - new Date(before.at).getTime() : 0;
      return html`<li key=${index} data-status=${each.status}>
        <b>${getStatusName(each.status)}</b>
        ${each.code && html`<code>${each.code}</code>`}
        <time datetime=${each.at} class="faint">${index === 0 ? formatTime(each.at) : `+ ${formatDuration(since)}`}</time>
      </li>`;
    })}
  </ol>`;
}
