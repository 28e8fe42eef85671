/** Checks of files when they are added: content, size and number. */

import { formatBytes, formatCount } from "../base/format.js";

const HEAD_BYTES = 32;
/** How the content of an image starts. `at` is the position of the bytes. @type {Array<{at: number, text: string}>} */
const SIGNATURES = [
  { at: 0, text: "\xff\xd8\xff" },
  { at: 0, text: "\x89PNG" },
  { at: 0, text: "GIF8" },
  { at: 0, text: "BM" },
  { at: 0, text: "II*\0" },
  { at: 0, text: "MM\0*" },
  { at: 0, text: "II+\0" },
  { at: 0, text: "MM\0+" },
  { at: 8, text: "WEBP" },
  { at: 4, text: "ftyp" },
  { at: 0, text: "\xff\x0a" },
  { at: 4, text: "JXL " },
];

/** @typedef {{file: File, folder: string}} Added */
/** @typedef {{empty: number, large: number, other: number, many: number}} Refused counts of files that are left out */

/**
 * Return True if a file starts like an image. The server decides which formats it accepts.
 * @param {Uint8Array} head the first bytes
 */
export function startsLikeImage(head) {
  const text = String.fromCharCode(...head);
  return SIGNATURES.some((each) => text.startsWith(each.text, each.at));
}

/**
 * Separate the files that can be sent from those that cannot.
 * @param {Added[]} files @param {{maxBytes: number, maxCount: number}} limits
 * @returns {Promise<{accepted: Added[], refused: Refused}>}
 */
export async function checkFiles(files, { maxBytes, maxCount }) {
  const refused = { empty: 0, large: 0, other: 0, many: 0 };
  const accepted = [];
  for (const each of files) {
    if (each.file.size === 0) refused.empty += 1;
    else if (each.file.size > maxBytes) refused.large += 1;
    else if (!startsLikeImage(await readHead(each.file))) refused.other += 1;
    else if (accepted.length >= maxCount) refused.many += 1;
    else accepted.push(each);
  }
  return { accepted, refused };
}

/**
 * Describe what was left out in one sentence. Return an empty text if nothing was.
 * @param {Refused} refused @param {{maxBytes: number, maxCount: number}} limits
 */
export function describeRefused({ empty, large, other, many }, { maxBytes, maxCount }) {
  const total = empty + large + other + many;
  if (!total) return "";
  const reasons = [];
  if (other) reasons.push(`${other} ${other === 1 ? "is not an image" : "are not images"}`);
  if (empty) reasons.push(`${empty} ${empty === 1 ? "is" : "are"} empty`);
  if (large) reasons.push(`${large} ${large === 1 ? "is" : "are"} larger than ${formatBytes(maxBytes)}`);
  if (many) reasons.push(`${many} would exceed the limit of ${maxCount.toLocaleString("en")} images`);
  return `${formatCount(total, "file")} left out: ${reasons.join(", ")}.`;
}

/** @param {File} file */
async function readHead(file) {
  try {
    return new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  } catch {
    return new Uint8Array(); // the file was moved or cannot be read
  }
}
