import { createRequest, sendToS3, sleep, type ClientOptions, type Request } from "./http.js";
import { pictureHtml, pictureProps, type PictureOptions, type PictureProps } from "./picture.js";
import type { components } from "./schema.js";

type Schemas = components["schemas"];
export type Job = Schemas["JobView"];
export type Pipeline = Schemas["Pipeline"];
export type OutputFormat = Schemas["OutputFormat"];

/** Options of a job. Use only one of a pipeline, a preset and the members after `facts`. */
export interface JobOptions {
  filename?: string;
  pipeline?: Pipeline;
  preset?: string;
  webhook?: string;
  facts?: boolean | { gps: boolean };
  width?: number;
  height?: number;
  fit?: Schemas["Fit"];
  enlarge?: boolean;
  grayscale?: boolean;
  format?: OutputFormat;
  quality?: number;
  widths?: number[];
  formats?: OutputFormat[];
}

export interface UploadOptions extends JobOptions {
  signal?: AbortSignal;
  /** Called with the number of bytes that were sent. Node.js reports whole requests. */
  onProgress?: (sent: number, total: number) => void;
}

export interface WaitOptions {
  signal?: AbortSignal;
}

export interface Progress {
  /** Files whose jobs have completed. */
  completed: number;
  /** Files that were not sent, or whose jobs have no result. */
  failed: number;
  total: number;
  sentBytes: number;
  totalBytes: number;
}

export interface UploadManyOptions extends JobOptions {
  signal?: AbortSignal;
  /** Files that are sent or processed at the same time. Default: 4. */
  concurrency?: number;
  onProgress?: (progress: Progress) => void;
  /** Called when a file has ended. */
  onResult?: (result: UploadResult) => void;
}

export interface UploadResult {
  file: Blob;
  /** The job, if there is one. It has ended, unless `error` says otherwise. */
  job?: Job;
  /** Why there is no ended job: a SafelightError, or the reason of the signal. */
  error?: unknown;
}

export interface ResultLink {
  name: string;
  url: string;
  width: number;
  height: number;
  mediaType: string;
  size: number;
}

/** Largest body of `POST /v1/jobs` (docs/api.md). */
const MAX_BODY = 4_620_288;
/** Parts of one file that are sent at the same time. */
const PARALLEL_PARTS = 3;
/** Seconds that a request waits for the end of a job. The API shortens them to its own limit. */
const WAIT_SECONDS = 20;

/** A client of one stack. */
export class Safelight {
  readonly baseUrl: string;
  /** Send a request to the API, such as `request("DELETE", "jobs/" + id)`. */
  readonly request: Request;
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.baseUrl = options.baseUrl.replace(/\/+$/, "");
    this.request = createRequest(options);
  }

  /** Send an image and return its job. Large files are sent to S3 in parts. An aborted upload in parts is cancelled. */
  async upload(file: Blob, options: UploadOptions = {}): Promise<Job> {
    const { signal, onProgress, ...given } = options;
    const job: JobOptions = { ...given };
    const name = job.filename ?? (file as Partial<File>).name;
    if (name) job.filename = name;
    signal?.throwIfAborted();
    const report = onProgress && ((sent: number) => onProgress(Math.min(sent, file.size), file.size));
    if (file.size > MAX_BODY) return this.#uploadParts(file, job, signal, report);
    const response = await this.request("POST", "jobs", {
      query: { ...job },
      body: file,
      headers: { "Content-Type": "application/octet-stream" },
      signal,
      onProgress: report,
    });
    report?.(file.size);
    return (await response.json()) as Job;
  }

  /** Create a job from the stored image of another job, without another upload, and return it. */
  async submitFrom(job: Job | string, { signal, ...options }: JobOptions & WaitOptions = {}): Promise<Job> {
    const json = { source: `job:${typeof job === "string" ? job : job.id}`, ...toJson(options) };
    return (await (await this.request("POST", "jobs", { json, signal })).json()) as Job;
  }

  /** Return the current state of a job. */
  async get(id: string, options: WaitOptions = {}): Promise<Job> {
    return (await this.request("GET", `jobs/${encodeURIComponent(id)}`, options)).json() as Promise<Job>;
  }

  /** Wait until a job has ended, and return it. Check its `status`: a failed job is returned too. */
  async wait(job: Job | string, { signal }: WaitOptions = {}): Promise<Job> {
    let last = typeof job === "string" ? undefined : job;
    const path = `jobs/${encodeURIComponent(typeof job === "string" ? job : job.id)}`;
    while (!last?.done) {
      const headers = { Prefer: `wait=${WAIT_SECONDS}` };
      const response = await this.request("GET", path, { headers, signal });
      last = (await response.json()) as Job;
      // The API may be set up to wait for no request, or a proxy may remove the header.
      if (!last.done) await sleep(response.headers.has("Preference-Applied") ? 100 : 1000, signal);
    }
    return last;
  }

  /** Cancel an open job and return it. */
  async cancel(id: string): Promise<Job> {
    return (await this.request("POST", `jobs/${encodeURIComponent(id)}/cancel`)).json() as Promise<Job>;
  }

  /**
   * Send files and wait for their jobs. Return one result per file, in the order of the files.
   *
   * After an abort, no further file is sent, and the results of the others have the reason of the signal as `error`.
   */
  async uploadMany(files: Iterable<Blob>, options: UploadManyOptions = {}): Promise<UploadResult[]> {
    const { signal, concurrency = 4, onProgress, onResult, ...job } = options;
    const all = [...files];
    const results: UploadResult[] = [];
    const sent = all.map(() => 0);
    const progress: Progress = {
      completed: 0,
      failed: 0,
      total: all.length,
      sentBytes: 0,
      totalBytes: all.reduce((sum, file) => sum + file.size, 0),
    };
    const report = () => onProgress?.({ ...progress });
    const send = async (index: number, file: Blob) => {
      const result: UploadResult = { file };
      try {
        signal?.throwIfAborted();
        const update = (bytes: number) => {
          progress.sentBytes += bytes - sent[index]!;
          sent[index] = bytes;
          report();
        };
        result.job = await this.upload(file, { ...job, ...(signal && { signal }), onProgress: update });
        result.job = await this.wait(result.job, signal ? { signal } : {});
      } catch (error) {
        result.error = error;
      }
      progress[result.job?.status === "COMPLETED" ? "completed" : "failed"]++;
      results[index] = result;
      report();
      onResult?.(result);
    };
    await runAll(all, concurrency, send);
    return results;
  }

  /** Return the URL of an output, by default the first one. It redirects to the image and needs the client's headers. */
  resultUrl(job: Job, name?: string): string {
    const base = `${this.baseUrl}/jobs/${encodeURIComponent(job.id)}`;
    if (name === undefined) return `${base}/result`;
    if (!job.result?.outputs.some((each) => each.name === name)) {
      throw new RangeError(`The job has no output ${JSON.stringify(name)}.`);
    }
    return `${base}/outputs/${encodeURIComponent(name)}`;
  }

  /** Return a link to each output. */
  resultLinks(job: Job): ResultLink[] {
    return (job.result?.outputs ?? []).map(({ name, width, height, media_type: mediaType, size }) => {
      return { name, url: this.resultUrl(job, name), width, height, mediaType, size };
    });
  }

  /** Return a temporary link to an output, which anyone who has it can open without credentials. */
  async signedUrl(job: Job, name?: string, options: WaitOptions = {}): Promise<string> {
    const path = this.resultUrl(job, name).slice(this.baseUrl.length + 1);
    const response = await this.request("GET", path, { query: { redirect: false }, ...options });
    return ((await response.json()) as { url: string }).url;
  }

  /** Return a `<picture>` element as HTML, in which every value is escaped. Throw RangeError without a result. */
  picture(job: Job, options: PictureOptions = {}): string {
    return pictureHtml(this.pictureProps(job, options));
  }

  /** Return the properties of a `<picture>` element, for React and similar libraries. */
  pictureProps(job: Job, options: PictureOptions = {}): PictureProps {
    return pictureProps(job, (name) => this.resultUrl(job, name), options);
  }

  async #uploadParts(
    file: Blob,
    job: JobOptions,
    signal: AbortSignal | undefined,
    report: ((sent: number) => void) | undefined,
  ): Promise<Job> {
    const json = {
      ...toJson(job),
      method: "multipart",
      content_type: file.type || "application/octet-stream",
      size: file.size,
    };
    const created = (await (await this.request("POST", "uploads", { json, signal })).json()) as Schemas["UploadJobView"];
    const path = `uploads/${created.id}`;
    try {
      const { upload_id, part_size, part_count } = created.multipart!;
      const sent = Array.from({ length: part_count }, () => 0);
      await runAll(sent, PARALLEL_PARTS, async (index) => {
        const body = { upload_id, part_numbers: [index + 1] };
        const response = await this.request("POST", `${path}/parts`, { json: body, signal });
        const part = ((await response.json()) as Schemas["SignedPartsView"]).parts[0]!;
        const update = (bytes: number) => {
          sent[index] = bytes;
          report?.(sent.reduce((sum, each) => sum + each, 0));
        };
        const chunk = file.slice(index * part_size, (index + 1) * part_size);
        const { fetch, retries } = this.#options;
        await sendToS3(part.url, part.headers, chunk, { signal, fetch, retries, onProgress: report && update });
        update(chunk.size);
      });
      const response = await this.request("POST", `${path}/complete`, { json: { upload_id }, signal });
      return (await response.json()) as Job;
    } catch (error) {
      // Best effort: the job expires anyway.
      await this.request("POST", `${path}/abort`).catch(() => undefined);
      throw error;
    }
  }
}

/** Return options as the API reads them in JSON. */
function toJson({ widths, formats, ...rest }: JobOptions) {
  return { ...rest, ...(widths && { widths: widths.join(",") }), ...(formats && { formats: formats.join(",") }) };
}

/** Call a function for each item, for at most `limit` items at once. After an error, no further item is started. */
async function runAll<T>(items: T[], limit: number, call: (index: number, item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < items.length) {
      const index = next++;
      try {
        await call(index, items[index]!);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  const workers = Array.from({ length: Math.max(1, Math.min(limit, items.length)) }, work);
  const ended = await Promise.allSettled(workers);
  const failed = ended.find((each) => each.status === "rejected");
  if (failed) throw failed.reason;
}
