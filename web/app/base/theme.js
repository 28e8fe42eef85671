/** The theme: that of the system, dark or light. */

import { html, render } from "../vendor/preact.js";
import { find } from "./dom.js";
import { Icon } from "./icons.js";

const KEY = "safelight-theme";
const ORDER = ["system", "dark", "light"];

/** Apply the stored theme, and show the button that changes it. */
export function setUpTheme() {
  const button = find("#theme");
  const show = () => {
    const theme = readTheme();
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.setAttribute("aria-label", `Theme: ${theme}`);
    button.title = `Theme: ${theme}`;
    render(html`<${Icon} name=${theme === "light" ? "sun" : "moon"} />`, button);
  };
  button.addEventListener("click", () => {
    const next = ORDER[(ORDER.indexOf(readTheme()) + 1) % ORDER.length] ?? "system";
    localStorage.setItem(KEY, next);
    show();
  });
  show();
}

function readTheme() {
  const stored = localStorage.getItem(KEY) ?? "system";
  return ORDER.includes(stored) ? stored : "system";
}
