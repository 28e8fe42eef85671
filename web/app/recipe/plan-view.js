/** What the recipe makes of one image, in words. */

import { html } from "../vendor/preact.js";
import { formatBytes, formatDimensions } from "../base/format.js";
import { Saving } from "../jobs/facts.js";
import { describeErrors, listGrowing } from "./plan.js";

/** @param {{state: import("./plan.js").PlanState, pipeline: EditedPipeline}} props */
export function PlanView({ state: { plan, source, problem, errors, invalid }, pipeline }) {
  return html`<div class="plan" aria-live="polite">
    ${problem && html`<p class="plan-bad" id="why-not">${invalid ? `The recipe is invalid. ${describeErrors(pipeline, errors) || problem}` : problem}</p>`}
    ${plan && !plan.failure && html`<${Expectation} plan=${plan} source=${source} />`}
  </div>`;
}

/** @param {{plan: Plan, source: string}} props */
function Expectation({ plan, source }) {
  const { picture, outputs, warnings, estimate } = plan;
  const { size } = picture;
  const before = [
    formatDimensions(picture.width, picture.height),
    picture.format,
    picture.size && formatBytes(picture.size),
  ];
  return html`<p class="plan-from">
      <bdi title=${source}>${source || "A 12-megapixel photo"}</bdi>
      <span>${before.filter(Boolean).join(" · ")}</span>
    </p>
    <ul class="plan-outputs">
      ${outputs.map(
        (each) =>
          html`<li key=${each.name}>
            <b dir="ltr">${each.exact ? "" : "at most "}${formatDimensions(each.width, each.height)} ${each.format}</b>
            ${outputs.length > 1 && html`<span class="faint"> ${each.name}, about ${formatBytes(each.estimated_bytes)}</span>`}
          </li>`,
      )}
    </ul>
    <p class="faint">
      About ${formatBytes(estimate.result_bytes)}${outputs.length > 1 ? " together" : ""}${" "}
      ${outputs.length === 1 && size && html`<${Saving} before=${size} after=${estimate.result_bytes} />`}
    </p>
    ${listGrowing(plan).map(
      (name) =>
        html`<p key=${name} class="plan-warning">
          ${outputs.length === 1 ? "The result" : html`The output <bdi>${name}</bdi>`} will probably be larger than the original.
        </p>`,
    )}
    ${warnings.map((each) => html`<p key=${each.message} class="plan-warning">${each.message}</p>`)}`;
}
