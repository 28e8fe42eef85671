/** The color theme: dark, light or the system's. */

const KEY = "safelight-theme";
const ORDER = ["system", "dark", "light"];

/** @returns {string} */
export function getTheme() {
  const stored = localStorage.getItem(KEY) ?? "system";
  return ORDER.includes(stored) ? stored : "system";
}

/** Apply the stored theme. */
export function applyTheme() {
  if (getTheme() === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = getTheme();
}

/** Switch to the next theme and return its name. */
export function nextTheme() {
  localStorage.setItem(KEY, ORDER[(ORDER.indexOf(getTheme()) + 1) % ORDER.length]);
  applyTheme();
  return getTheme();
}
