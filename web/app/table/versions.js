/** The versions of an image that can be compared: the original, and each output of each job. */

import { useEffect, useState } from "../vendor/preact.js";
import { useFileUrl } from "../base/file-url.js";
import { formatBytes, formatDimensions, formatLabel } from "../base/format.js";
import { formatCaption } from "../jobs/facts.js";
import { getRawLink, getResultLink } from "../net/api.js";

/**
 * @typedef {object} Version
 * @property {string} key
 * @property {string} label such as `Version 2, WEBP`
 * @property {string} caption dimensions, format and size
 * @property {string|null} format
 * @property {number} size bytes
 * @property {Job|null} job null for the original
 * @property {string|null} output
 * @property {boolean} [isPreview] true if this is not a file but drawn
 * @property {import("../edit/preview.js").Preview|null} [preview] the drawing, or null until it is drawn
 */

/**
 * @param {Job[]} jobs @param {number} size bytes of the original
 * @param {{width: number, height: number}|null} [decoded] dimensions of the original in the browser
 * @returns {Version[]} the original first
 */
export function listVersions(jobs, size, decoded = null) {
  const raw = jobs[jobs.length - 1]?.raw;
  const caption = formatCaption({
    width: raw?.width ?? decoded?.width,
    height: raw?.height ?? decoded?.height,
    format: raw?.format,
    size: raw?.size ?? size,
  });
  const original = {
    key: "original",
    label: "Original",
    caption,
    format: raw?.format ?? null,
    size: raw?.size ?? size,
    job: null,
    output: null,
  };
  const finished = jobs.filter((each) => each.result);
  const results = finished.flatMap((job, index) =>
    (job.result?.outputs ?? []).map((output) => ({
      key: `${job.id}/${output.name}`,
      label: [finished.length > 1 ? `Version ${index + 1}` : "Result", nameOutput(job, output)]
        .filter(Boolean)
        .join(", "),
      caption: formatCaption(output),
      format: output.format,
      size: output.size,
      job,
      output: output.name,
    })),
  );
  return [original, ...results];
}

/** Return the preview of each output as a version. @param {import("../edit/preview.js").Previews} previews @returns {Version[]} */
export function listPreviewVersions({ outputs, drawn }) {
  return outputs.map(({ name, format, bytes }) => {
    const preview = drawn.get(name) ?? null;
    const left = preview?.missing.map((each) => formatLabel(each).toLowerCase()).join(", ");
    const caption = [
      preview && formatDimensions(preview.size.width, preview.size.height),
      format,
      bytes !== null && `about ${formatBytes(bytes)}`,
      left && `without ${left}`,
    ];
    return {
      key: `preview/${name}`,
      label: outputs.length > 1 ? `Preview, ${name}` : "Preview",
      caption: caption.filter(Boolean).join(" · "),
      format: null,
      size: 0,
      job: null,
      output: name,
      isPreview: true,
      preview,
    };
  });
}

/** @param {Job} job @param {JobOutput} output */
function nameOutput(job, output) {
  const { outputs = [] } = job.result ?? {};
  return outputs.length > 1 ? output.name : job.preset?.name;
}

/**
 * Return the URL of a version, or null until it is known. Object URLs are revoked after use.
 * @param {Version|null} version @param {File|null} file the original, if the page has it @param {Job|null} job any job of the image
 * @returns {string|null}
 */
export function useVersionUrl(version, file, job) {
  const [known, setKnown] = useState(/** @type {{key: string, url: string}|null} */ (null));
  const isStored = version !== null && !version.isPreview;
  const fileUrl = useFileUrl(isStored && !version.job ? file : null);
  const key = !isStored ? null : version.job ? version.key : !file && job ? `raw/${job.id}` : null;
  useEffect(() => {
    if (!key || !version) return undefined;
    let isCurrent = true;
    const link = version.job ? getResultLink(version.job.id, version.output ?? undefined) : getRawLink(job?.id ?? "");
    link.then(({ url }) => isCurrent && setKnown({ key, url })).catch(() => {});
    return () => {
      isCurrent = false;
    };
  }, [key]);
  return known && known.key === key ? known.url : fileUrl;
}
