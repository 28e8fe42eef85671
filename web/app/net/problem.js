/** Errors of the API and the network, and advice on how to fix them. */

/** Advice for users of the page. docs/errors.md has more for operators. @type {Record<string, string>} */
const ADVICE = {
  NOT_AN_IMAGE: "The file only starts like an image. Open it in another program to check what it is.",
  UNSUPPORTED_TYPE:
    "Convert it to JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF or HEIC. The file's content counts, not its name.",
  UNSUPPORTED_FLAVOR: "Save it as JPEG or PNG.",
  TRUNCATED_IMAGE: "The file is incomplete. Copy it again from its source.",
  CORRUPT_IMAGE: "Open the file in another program and save it again.",
  TOO_MANY_BYTES: "Choose a smaller file.",
  TOO_MANY_PIXELS: "Choose a smaller image or a smaller output size.",
  TOO_MANY_FRAMES: "Choose a format without animation, such as JPEG, or a shorter animation.",
  TOO_MANY_TOTAL_PIXELS: "Choose a smaller or shorter animation, or a format without animation.",
  SIDE_TOO_LONG: "Choose a smaller image or a smaller output size.",
  OUTSIDE_IMAGE: "Change the crop so that it overlaps the image.",
  BYTE_CEILING_UNREACHABLE: "Raise the byte limit, reduce the image size, or choose AVIF or WebP.",
  WATERMARK_NOT_FOUND: "Upload the watermark image first, or use a text watermark.",
  ASSET_UNUSABLE: "Choose another watermark image.",
  INVALID_PIPELINE: "Correct the marked fields of the recipe.",
  PRESET_NOT_FOUND: "Choose another preset.",
  RESOURCE_LIMIT: "Use fewer or smaller outputs, or fewer operations.",
  TIMED_OUT: "Use fewer or smaller outputs, or fewer operations.",
  UNAUTHENTICATED: "Sign in again.",
  FORBIDDEN: "Ask the operator of this Safelight for access.",
  TOO_MANY_REQUESTS: "The page retries automatically.",
  RAW_IMAGE_MISSING: "Upload the image again.",
  SOURCE_MISSING: "Upload the image again.",
  SOURCE_UNUSABLE: "Upload another file.",
  RESULT_EXPIRED: "Upload the image again.",
  UPLOAD_EXPIRED: "Upload the image again.",
  JOB_NOT_FOUND: "The job was deleted or has expired.",
  ATTEMPTS_EXHAUSTED: "Retry it. If it fails again, contact the operator of this Safelight.",
  OFFLINE: "The page continues when the network is back.",
  UNREACHABLE:
    "It may be stopped, or a firewall may block it. The page tries again. If this lasts, contact the operator of this Safelight.",
  UPLOAD_REFUSED: "Upload the image again.",
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

/** Return the problem of a request that got no response: without a network, or because the server does not respond. */
export function createOfflineProblem() {
  return navigator.onLine
    ? new Problem({ code: "UNREACHABLE", title: "Safelight does not respond.", retriable: true })
    : new Problem({ code: "OFFLINE", title: "You are offline.", retriable: true });
}

/**
 * Parse an error response. Create a generic problem if the body is not one, as from a proxy.
 * @param {number} status @param {string} text @param {string|null} retryAfter
 */
export function parseProblem(status, text, retryAfter) {
  const seconds = retryAfter === null ? null : Number(retryAfter);
  const retriable = status === 429 || status >= 500;
  const fallback = {
    code: `HTTP_${status}`,
    title: `The server responded with HTTP ${status}.`,
    status,
    retriable,
  };
  try {
    const document = JSON.parse(text);
    return new Problem(
      typeof document?.code === "string" ? document : fallback,
      Number.isFinite(seconds) ? seconds : null,
    );
  } catch {
    return new Problem(fallback, Number.isFinite(seconds) ? seconds : null);
  }
}

/**
 * Return the message of a failure and advice on how to fix it.
 * @param {{code?: string, message?: string}|null|undefined} failure a job's `error`, a Problem, or any error
 * @returns {{what: string, advice: string}}
 */
export function explain(failure) {
  const what = failure?.message || "Something went wrong.";
  const advice = ADVICE[failure?.code ?? ""] ?? "";
  return { what: /[.!?]$/.test(what) ? what : `${what}.`, advice };
}

/** Return message and advice in one line. @param {any} failure */
export function formatProblem(failure) {
  const { what, advice } = explain(failure);
  return `${what} ${advice}`.trim();
}
