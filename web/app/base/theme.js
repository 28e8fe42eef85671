/** Dark, light, or as the system has it. */

const KEY = "safelight-theme";
const ORDER = ["system", "dark", "light"];

/** @returns {string} */
export function theme() {
  const kept = localStorage.getItem(KEY) ?? "system";
  return ORDER.includes(kept) ? kept : "system";
}

/** Show the theme that was chosen last. */
export function applyTheme() {
  if (theme() === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme();
}

/** Go on to the next one; return it. */
export function nextTheme() {
  localStorage.setItem(KEY, ORDER[(ORDER.indexOf(theme()) + 1) % ORDER.length]);
  applyTheme();
  return theme();
}
