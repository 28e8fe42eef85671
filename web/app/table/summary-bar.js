/** One bar for the whole run: counts, sizes, the time left, and what can be done with all images. */

import { html, useEffect, useState } from "../vendor/preact.js";
import { announce } from "../base/announce.js";
import { formatBytes, formatCount, formatSaving } from "../base/format.js";
import { describeProgress, estimateSecondsLeft } from "../store/summary.js";

const TICK_MILLISECONDS = 1000;
const ANNOUNCED_SHARES = 4; // the progress is announced at each quarter

/** @param {{store: import("../store/images.js").ImageStore, run: import("../uploads/run.js").Run, onRetry: () => void, onShowFailed: () => void}} props */
export function SummaryBar({ store, run, onRetry, onShowFailed }) {
  const summary = store.summary.value;
  const { total, staged, unsent, working, processed, failed, canceled, before, after } = summary;
  const started = total - staged;
  const isOpen = unsent + working > 0;
  const now = useClock(isOpen);
  const quarter = started ? Math.floor(((processed + failed) / started) * ANNOUNCED_SHARES) : 0;
  useEffect(() => {
    if (started && (quarter > 0 || failed > 0)) announce(describeProgress(summary));
  }, [quarter, isOpen, failed > 0]);
  if (!started) return null;
  const seconds = isOpen ? estimateSecondsLeft(summary, now - store.startedAt.value) : null;
  const isPaused = run.paused.value;
  /** @type {Array<[string, number]>} */
  const parts = [
    ["good", processed],
    ["bad", failed],
    ["faint", canceled],
    ["open", working],
    ["rest", unsent],
  ];
  const cancelAll = () => {
    run.setPaused(false);
    run.cancel(store.images.value);
  };
  return html`<section class="summary" aria-label="Progress">
    <p class="summary-count">${describeProgress(summary)}</p>
    <div class="bar" role="img" aria-label=${describeProgress(summary)}>
      ${parts.map(([kind, count]) => count > 0 && html`<span key=${kind} class=${`bar-${kind}`} style=${{ flexGrow: count }} />`)}
    </div>
    <p class="summary-facts">
      ${processed > 0 && html`${formatBytes(before)} → ${formatBytes(after)} <b class=${after <= before ? "saved" : "grown"}>${formatSaving(before, after)}</b>`}
      ${seconds !== null && !isPaused && html`<span class="faint"> · about ${formatSeconds(seconds)} left</span>`}
    </p>
    <div class="row">
      ${
        unsent > 0 &&
        html`<button
          type="button"
          class="button button-small"
          aria-pressed=${String(isPaused)}
          onClick=${() => run.setPaused(!isPaused)}
        >
          ${isPaused ? "Continue" : "Pause"}
        </button>`
      }
      ${isOpen && html`<button type="button" class="button button-small" onClick=${cancelAll}>Cancel the rest</button>`}
      ${failed > 0 && total > 1 && html`<button type="button" class="button button-small" onClick=${onShowFailed}>Show failed</button>`}
      ${failed > 0 && html`<button type="button" class="button button-small" onClick=${onRetry}>Retry ${formatCount(failed, "failed image")}</button>`}
    </div>
  </section>`;
}

/** Return the time, which changes every second while `isRunning`. @param {boolean} isRunning */
function useClock(isRunning) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!isRunning) return undefined;
    const timer = setInterval(() => setNow(Date.now()), TICK_MILLISECONDS);
    return () => clearInterval(timer);
  }, [isRunning]);
  return now;
}

/** @param {number} seconds */
function formatSeconds(seconds) {
  return seconds < 100 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
