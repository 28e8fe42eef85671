// Requests to the API, which are repeated after a temporary error.

/** A problem document (RFC 9457) of the API, as an error. */
export class SafelightError extends Error {
  override readonly name = "SafelightError";

  constructor(
    message: string,
    /** HTTP status, or 0 if there was no response. */
    readonly status: number,
    /** Stable code: docs/errors.md lists all codes. */
    readonly code: string,
    /** The whole problem document. */
    readonly problem?: unknown,
  ) {
    super(message);
  }
}

export interface ClientOptions {
  /** URL of the API, which ends in `/v1`, or of a server of yours that forwards to it. */
  baseUrl: string;
  /** Upload token, `slt_…`. */
  token?: string;
  /** Headers of every request to the API, such as `{"x-api-key": "…"}`. */
  headers?: Record<string, string>;
  /** Replaces the global `fetch`. */
  fetch?: typeof fetch;
  /** How often to repeat a request after a temporary error. Default: 4. */
  retries?: number;
}

export interface RequestOptions {
  query?: Record<string, unknown>;
  json?: unknown;
  body?: Blob;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  onProgress?: ((sent: number) => void) | undefined;
}

export type Request = (method: string, path: string, options?: RequestOptions) => Promise<Response>;

/** After a longer Retry-After, such as that of a daily limit, a request is not repeated. */
const MAX_PAUSE_SECONDS = 60;

/** Return a function that sends requests. It rejects with SafelightError, or with the reason of an aborted signal. */
export function createRequest(client: ClientOptions): Request {
  const base = client.baseUrl.replace(/\/+$/, "");
  const retries = client.retries ?? 4;
  return async (method, path, options = {}) => {
    const query = toQuery(options.query);
    const headers: Record<string, string> = { ...client.headers, ...options.headers };
    if (client.token) headers["Authorization"] = `Bearer ${client.token}`;
    if (options.json !== undefined) headers["Content-Type"] = "application/json";
    // A repeated POST with the same key runs once.
    if (method === "POST") headers["Idempotency-Key"] ??= createKey();
    const body = options.json === undefined ? options.body : JSON.stringify(options.json);
    for (let attempt = 0; ; attempt++) {
      let response: Response | undefined;
      let reason: unknown;
      try {
        response = await send(client.fetch, method, `${base}/${path}${query}`, headers, body, options);
        if (response.ok || response.status === 304) return response;
      } catch (error) {
        options.signal?.throwIfAborted();
        reason = error;
      }
      const problem = response && (await response.json().catch(() => undefined));
      const after = Number(response?.headers.get("Retry-After"));
      const isFinal = attempt >= retries || after > MAX_PAUSE_SECONDS;
      if (isFinal || (response && !isTemporary(response.status, problem))) throw toError(response, problem, reason);
      await sleep(after > 0 ? after * 1000 : 200 * 2 ** attempt * (0.5 + Math.random()), options.signal);
    }
  };
}

/** Send a body to a signed URL of S3, and try again after a temporary error. */
export async function sendToS3(
  url: string,
  headers: Record<string, string>,
  body: Blob,
  options: RequestOptions & { fetch?: typeof fetch | undefined; retries?: number | undefined },
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    let status = 0;
    let reason: unknown;
    try {
      const response = await send(options.fetch, "PUT", url, headers, body, options);
      if (response.ok) return;
      status = response.status;
    } catch (error) {
      options.signal?.throwIfAborted();
      reason = error;
    }
    if (attempt >= (options.retries ?? 4) || (status && status < 500 && status !== 429)) {
      const detail = status ? `S3 returned ${status}.` : `S3 did not respond: ${String(reason)}`;
      throw new SafelightError(detail, status, "UPLOAD_REFUSED");
    }
    await sleep(200 * 2 ** attempt * (0.5 + Math.random()), options.signal);
  }
}

/** Resolve after a time, or reject with the reason of the signal. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Send one request. fetch can't report the progress of a body, so with `onProgress` a browser uses XMLHttpRequest. */
function send(
  fetcher: typeof fetch | undefined,
  method: string,
  url: string,
  headers: Record<string, string>,
  body: Blob | string | undefined,
  { signal, onProgress }: RequestOptions,
): Promise<Response> {
  if (!onProgress || fetcher || typeof XMLHttpRequest === "undefined") {
    return (fetcher ?? fetch)(url, { method, headers, body: body ?? null, signal: signal ?? null });
  }
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => {
      const found = new Headers();
      for (const line of request.getAllResponseHeaders().trim().split(/\r?\n/)) {
        const at = line.indexOf(":");
        if (at > 0) found.append(line.slice(0, at), line.slice(at + 1).trim());
      }
      const text = [204, 205, 304].includes(request.status) ? null : request.responseText;
      resolve(new Response(text, { status: request.status, headers: found }));
    };
    request.onerror = () => reject(new TypeError(`No response from ${new URL(url, location.href).host}.`));
    request.onabort = () => reject(signal?.reason);
    request.onloadend = () => signal?.removeEventListener("abort", stop);
    signal?.addEventListener("abort", stop, { once: true });
    request.send(body ?? null);
  });
}

/** Return a query string. Objects become JSON, lists are joined by commas, and undefined members are left out. */
function toQuery(query: Record<string, unknown> = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  const pairs = given.map(([name, value]): [string, string] => [name, toText(value)]);
  return pairs.length ? `?${new URLSearchParams(pairs)}` : "";
}

function toText(value: unknown): string {
  if (Array.isArray(value)) return value.join(",");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function isTemporary(status: number, problem: { retriable?: boolean } | undefined): boolean {
  // A gateway in front of the API sends no problem document.
  return problem?.retriable ?? (status === 429 || status >= 500);
}

function toError(response: Response | undefined, problem: unknown, reason: unknown): SafelightError {
  if (!response) return new SafelightError(`The API did not respond: ${String(reason)}`, 0, "NO_RESPONSE");
  const found = (problem ?? {}) as { title?: string; detail?: string; code?: string; errors?: { pointer: string; detail: string }[] };
  const fields = (found.errors ?? []).map((each) => `${each.pointer} ${each.detail}`).join("; ");
  const detail = found.detail ?? `The API returned ${response.status}.`;
  const message = fields && detail === found.title ? `${detail} ${fields}` : detail;
  return new SafelightError(message, response.status, found.code ?? "UNKNOWN", problem);
}

function createKey(): string {
  // crypto.randomUUID exists only on pages with HTTPS.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (each) => each.toString(16).padStart(2, "0")).join("");
}
