/** The main part of the page. It shows one view at a time. */

import { render } from "../vendor/preact.js";
import { find } from "./dom.js";

let isEmpty = false;

/** @param {View} view */
export function showView(view) {
  const container = find("#view");
  if (!isEmpty) container.replaceChildren(); // the static first paint
  isEmpty = true;
  render(view, container);
}
