// Uppy 6 with @uppy/aws-s3 6.3 or newer. The types describe only what is used, so that Uppy is no dependency.
import type { JobOptions, Safelight } from "./client.js";

interface UppyFile {
  id: string;
  name?: string;
  type?: string;
  size: number | null;
}

interface Uppy {
  use(plugin: never, options: object): unknown;
  getFile(id: string): UppyFile | undefined;
  setFileMeta(id: string, meta: object): void;
  on(event: never, listener: never): unknown;
}

/** Files of at most this size are sent with one request: the size of Uppy's parts. */
const PART_BYTES = 5 * 2 ** 20;

/**
 * Let Uppy send its files to Safelight. After each upload, `file.meta.job` has the job.
 *
 * Pass the class AwsS3 of `@uppy/aws-s3`. `options` are those of the jobs.
 */
export function useSafelight<T extends object>(uppy: T, AwsS3: unknown, client: Safelight, options: JobOptions = {}): T {
  const target = uppy as unknown as Uppy;
  target.use(AwsS3 as never, {
    shouldUseMultipart: (file: UppyFile) => (file.size ?? 0) > PART_BYTES,
    generateObjectKey: (file: UppyFile) => file.id,
    signRequest: async (request: { key: string }) => {
      // Only in the first request for a file. Later ones name the object in S3.
      const file = target.getFile(request.key);
      const first = file && {
        ...options,
        ...(options.widths && { widths: options.widths.join(",") }),
        ...(options.formats && { formats: options.formats.join(",") }),
        filename: file.name,
        contentType: file.type || "application/octet-stream",
        size: file.size,
      };
      return (await client.request("POST", "uploads/sign", { json: { ...request, ...first } })).json();
    },
  });
  const listener = async (file: UppyFile | undefined, response: { body?: { key?: string } }) => {
    const id = response.body?.key?.split("/").pop();
    if (file && id) target.setFileMeta(file.id, { job: await client.get(id) });
  };
  target.on("upload-success" as never, listener as never);
  return uppy;
}
