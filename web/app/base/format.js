/** Numbers and moments as people read them. */

const UNITS = ["B", "KB", "MB", "GB"];
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
/** @type {Array<[Intl.RelativeTimeFormatUnit, number]>} */
const STEPS = [["day", 86400], ["hour", 3600], ["minute", 60]];

/** @param {number|null|undefined} count bytes; thousands are 1000, as in file managers */
export function bytes(count) {
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
export function sides(width, height) {
  return width && height ? `${width} × ${height}` : "";
}

/** Say what became of the size: `−63 %`, `+12 %`. @param {number} before @param {number} after */
export function saving(before, after) {
  if (!before) return "";
  const share = Math.round(((after - before) / before) * 100);
  if (share === 0) return "same size";
  return share < 0 ? `−${-share} %` : `+${share} %`;
}

/** @param {string} iso */
export function moment(iso) {
  return MOMENT.format(new Date(iso));
}

/** @param {string} iso @param {number} [now] milliseconds */
export function ago(iso, now = Date.now()) {
  const seconds = (new Date(iso).getTime() - now) / 1000;
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return RELATIVE.format(Math.round(seconds / length), unit);
  }
  return "just now";
}

/** @param {number} milliseconds */
export function lasting(milliseconds) {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** @param {number} count @param {string} one @param {string} [many] */
export function counted(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** `round_corners` as a label: `Round corners`. @param {string} name */
export function label(name) {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
