/** An answer that is no success, and what to do about it, in sentences. */

/** What the person in front of the page can do; docs/errors.md tells operators more. */
const ADVICE = {
  NOT_AN_IMAGE: "The file only begins like a picture. Open it in another program to see what it is.",
  UNSUPPORTED_TYPE: "Convert it to JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF. The content decides, not the name.",
  TRUNCATED_IMAGE: "The file was cut off. Copy it again from where it came from.",
  CORRUPT_IMAGE: "Open it and save it again with another program.",
  TOO_MANY_BYTES: "Send a smaller file.",
  TOO_MANY_PIXELS: "Send or ask for a smaller picture.",
  TOO_MANY_FRAMES: "Choose a format without animation, such as JPEG, or send a shorter one.",
  TOO_MANY_TOTAL_PIXELS: "Send a smaller or shorter animation, or choose a format without animation.",
  SIDE_TOO_LONG: "Send or ask for a smaller picture.",
  OUTSIDE_IMAGE: "Change the crop so that it overlaps the picture.",
  BYTE_CEILING_UNREACHABLE: "Allow more bytes, make the picture smaller, or choose AVIF or WebP.",
  WATERMARK_NOT_FOUND: "Store the picture for the watermark first, or use a text.",
  ASSET_UNUSABLE: "Choose another picture for the watermark.",
  INVALID_PIPELINE: "Correct the recipe where it is marked.",
  PRESET_NOT_FOUND: "Choose another preset.",
  RESOURCE_LIMIT: "Ask for less: fewer or smaller outputs, fewer operations.",
  TIMED_OUT: "Ask for less: fewer or smaller outputs, fewer operations.",
  UNAUTHENTICATED: "Sign in again.",
  FORBIDDEN: "Ask whoever runs this Safelight for access.",
  TOO_MANY_REQUESTS: "Wait a moment; it will be tried again.",
  RAW_IMAGE_MISSING: "Send the picture again.",
  RESULT_EXPIRED: "Send the picture again.",
  UPLOAD_EXPIRED: "Send the picture again.",
  JOB_NOT_FOUND: "It was deleted, or its time was up.",
  ATTEMPTS_EXHAUSTED: "Retry it; if that does not help, tell whoever runs this Safelight.",
  OFFLINE: "Check your connection; it goes on by itself when the network is back.",
  UPLOAD_REFUSED: "Send the picture again.",
};

export class Problem extends Error {
  /**
   * @param {{code: string, title?: string, detail?: string, status?: number, retriable?: boolean,
   *   errors?: Array<{pointer: string, detail: string}>, request_id?: string}} document
   * @param {number|null} [retryAfter] seconds
   */
  constructor(document, retryAfter = null) {
    super(document.detail || document.title || "Something went wrong.");
    this.code = document.code;
    this.status = document.status ?? 0;
    this.retriable = document.retriable ?? false;
    this.errors = document.errors ?? [];
    this.requestId = document.request_id ?? "";
    this.retryAfter = retryAfter;
  }
}

/** The network did not carry it. */
export function offline() {
  return new Problem({ code: "OFFLINE", title: "Safelight can't be reached.", retriable: true });
}

/**
 * Read the problem that an answer holds; an answer that holds none, such as a proxy's, becomes one.
 * @param {number} status @param {string} text @param {string|null} retryAfter
 */
export function problemFrom(status, text, retryAfter) {
  const wait = retryAfter === null ? null : Number(retryAfter);
  const retriable = status === 429 || status >= 500;
  const fallback = { code: `HTTP_${status}`, title: `The answer was HTTP ${status}.`, status, retriable };
  try {
    const document = JSON.parse(text);
    return new Problem(typeof document?.code === "string" ? document : fallback, Number.isFinite(wait) ? wait : null);
  } catch {
    return new Problem(fallback, Number.isFinite(wait) ? wait : null);
  }
}

/**
 * Say what happened, and what to do.
 * @param {{code?: string, message?: string}|null|undefined} failure a job's `error`, a Problem, or any error
 * @returns {{what: string, advice: string}}
 */
export function explained(failure) {
  const what = failure?.message || "Something went wrong.";
  const advice = ADVICE[failure?.code ?? ""] ?? "";
  return { what: /[.!?]$/.test(what) ? what : `${what}.`, advice };
}

/** The same in one line. @param {any} failure */
export function sentence(failure) {
  const { what, advice } = explained(failure);
  return `${what} ${advice}`.trim();
}
