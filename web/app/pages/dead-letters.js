/** Dead letters, for operators. */

import { html, useRef, useState } from "../vendor/preact.js";
import { announce, showNote } from "../base/announce.js";
import { formatAge, formatBytes, formatCount } from "../base/format.js";
import { Icon } from "../base/icons.js";
import { usePages } from "../base/paged-list.js";
import { route, setQuery } from "../base/router.js";
import { Select } from "../base/select.js";
import { reportProblems } from "../jobs/actions.js";
import { listDeadLetters, redrive } from "../net/api.js";

const COLUMNS = ["Job or message", "Reason", "Since", "Attempts", "Redriven", "Action"];

export function DeadLettersPage() {
  const [force, setForce] = useState(false);
  const reason = route.value.query.get("reason") ?? "";
  const reasons = useRef(/** @type {Set<string>} */ (new Set()));
  const { entries, foot, reload } = usePages(
    reason,
    async (cursor) => {
      const page = await listDeadLetters({ reason, limit: "50", cursor });
      for (const each of page.dead_letters) reasons.current.add(each.reason);
      return { entries: page.dead_letters, next_cursor: page.next_cursor };
    },
    reason ? "No dead letters with this reason." : "No dead letters.",
  );
  const send = async (/** @type {any} */ which) => {
    await reportProblems(() => redriveAll({ ...which, force }));
    reload();
  };
  return html`<div class="page">
    <h1 tabindex="-1">Dead letters</h1>
    <p class="lead">
      Jobs that used up their attempts although the image was not at fault, and
      unreadable messages. Fix the cause, then redrive the jobs.
    </p>
    <div class="filters">
      <button
        type="button"
        class="button"
        disabled=${!entries.some((each) => each.kind === "job")}
        onClick=${() => send(reason ? { reason } : { all: true })}
      >
        <${Icon} name="retry" /> ${reason ? `Redrive all ${reason}` : "Redrive all"}
      </button>
      <${Select}
        id="filter-reason"
        name="Reason"
        value=${reason}
        onChange=${(/** @type {string} */ value) => setQuery({ reason: value })}
        options=${[["", "All reasons"], ...[...new Set([...reasons.current, ...(reason ? [reason] : [])])].sort().map((each) => [each, each])]}
      />
      <label class="field field-switch">
        <input
          type="checkbox"
          checked=${force}
          onChange=${(/** @type {Event} */ event) => setForce(/** @type {HTMLInputElement} */ (event.currentTarget).checked)}
        />
        include jobs redriven too often
      </label>
    </div>
    ${
      entries.length > 0 &&
      html`<div
        class="scroller"
        tabindex="0"
        role="region"
        aria-label="Dead letters"
      >
        <table>
          <thead>
            <tr>
              ${COLUMNS.map((each) => html`<th key=${each} scope="col">${each}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${entries.map((each) => html`<${Row} key=${each.id} letter=${each} onRedrive=${() => send({ id: each.id })} />`)}
          </tbody>
        </table>
      </div>`
    }
    ${foot}
  </div>`;
}

/** Redrive, page by page, and show the outcome. @param {any} request */
async function redriveAll(request) {
  let count = 0;
  let refused = 0;
  let cursor = null;
  do {
    /** @type {{redriven: number, refused: number, next_cursor: string|null}} */
    const done = await redrive({ ...request, ...(cursor ? { cursor } : {}) });
    count += done.redriven;
    refused += done.refused;
    cursor = done.next_cursor;
  } while (cursor);
  const text = `${formatCount(count, "job")} redriven${refused ? `, ${refused} refused: redriven too often` : ""}.`;
  showNote(text, { kind: refused ? "bad" : "good" });
  announce(text);
}

/** @param {{letter: any, onRedrive: () => void}} props */
function Row({ letter, onRedrive }) {
  const isJob = letter.kind === "job";
  return html`<tr data-id=${letter.id}>
    <td>
      ${isJob ? html`<code>${letter.id}</code>` : html`Message, ${formatBytes(letter.size)} <code>${letter.key}</code>`}
    </td>
    <td><code>${letter.reason}</code></td>
    <td><time datetime=${letter.since}>${formatAge(letter.since)}</time></td>
    <td>${letter.attempts ?? "–"}</td>
    <td>${letter.redrives ?? "–"}</td>
    <td>
      ${isJob && html`<button type="button" class="button button-small" aria-label=${`Redrive ${letter.id}`} onClick=${onRedrive}>Redrive</button>`}
    </td>
  </tr>`;
}
