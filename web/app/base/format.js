/** Numbers, sizes and times formatted for display. */

const UNITS = ["B", "KB", "MB", "GB"];
const MOMENT = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  timeStyle: "short",
});
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
/** @type {Array<[Intl.RelativeTimeFormatUnit, number]>} */
const STEPS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];

/** @param {number|null|undefined} count bytes; 1 KB is 1000 bytes, as in file managers */
export function formatBytes(count) {
  if (count === null || count === undefined) return "–";
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** @param {number|null|undefined} width @param {number|null|undefined} height */
export function formatDimensions(width, height) {
  return width && height ? `${width} × ${height}` : "";
}

/** Format a size change: `−63 %`, `+12 %`. @param {number} before @param {number} after */
export function formatSaving(before, after) {
  if (!before) return "";
  const share = Math.round(((after - before) / before) * 100);
  if (share === 0) return "same size";
  return share < 0 ? `−${-share} %` : `+${share} %`;
}

/** @param {string} iso */
export function formatTime(iso) {
  return MOMENT.format(new Date(iso));
}

/** @param {string} iso @param {number} [now] milliseconds */
export function formatAge(iso, now = Date.now()) {
  const seconds = (new Date(iso).getTime() - now) / 1000;
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return RELATIVE.format(Math.round(seconds / length), unit);
  }
  return "just now";
}

/** @param {number} milliseconds */
export function formatDuration(milliseconds) {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** @param {number} count @param {string} one @param {string} [many] */
export function formatCount(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** Isolate a name within a sentence, so that a name in Arabic or Hebrew does not change the order of the words. @param {string} name */
export function isolate(name) {
  return `\u2068${name}\u2069`;
}

/** Turn `round_corners` into `Round corners`. @param {string} name */
export function formatLabel(name) {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
