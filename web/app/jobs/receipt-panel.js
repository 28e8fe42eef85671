/** The receipt of a job: verify the stored images with it, and save it. */

import { html, useState } from "../vendor/preact.js";
import { announce } from "../base/announce.js";
import { Icon } from "../base/icons.js";
import { getReceipt } from "../net/api.js";
import { reportProblems, saveBlob } from "./actions.js";
import { canVerify, verifyJob } from "./verification.js";

const STATES = {
  same: "same as in the receipt",
  changed: "differs from the receipt",
  missing: "missing",
};

/** @param {{job: Job, file: File|null}} props `file` is the original, if the page has it */
export function ReceiptPanel({ job, file }) {
  const [findings, setFindings] = useState(/** @type {import("./verification.js").Finding[]} */ ([]));
  const [isRunning, setRunning] = useState(false);
  const verify = () =>
    reportProblems(async () => {
      setRunning(true);
      announce("Verifying");
      try {
        setFindings(await verifyJob(job.id, file));
      } finally {
        setRunning(false);
      }
    });
  const save = () =>
    reportProblems(async () => {
      const text = JSON.stringify(await getReceipt(job.id), null, 2);
      saveBlob(new Blob([text], { type: "application/json" }), `receipt-${job.id}.json`);
    });
  const isSame = findings.every((each) => each.state === "same");
  return html`<section class="panel">
    <h2>Receipt</h2>
    <p class="faint">
      The receipt has the digests of the original and of the results, the recipe and the software.
    </p>
    <div class="row receipt-buttons">
      ${
        canVerify() &&
        html`<button type="button" class="button button-small" aria-disabled=${String(isRunning)} onClick=${() => isRunning || verify()}>
          <${Icon} name="check" /> ${isRunning ? "Verifying…" : "Verify"}
        </button>`
      }
      <button type="button" class="button button-small" onClick=${save}><${Icon} name="download" /> Save receipt</button>
    </div>
    <div role="status">
      ${
        findings.length > 0 &&
        html`<p class=${isSame ? "saved" : "plan-bad"}>${isSame ? "Everything matches the receipt." : "Something does not match the receipt."}</p>
          <ul class="findings">
            ${findings.map(
              (each) =>
                html`<li key=${each.what} data-state=${each.state}>
                  <b>${each.what}</b> ${STATES[each.state]} <code title=${each.digest}>${each.digest.slice(0, 12)}…</code>
                </li>`,
            )}
          </ul>`
      }
    </div>
  </section>`;
}
