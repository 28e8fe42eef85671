/** Small images. Those of local files are decoded at their small size, a few at a time, and only when they are visible. */

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { decodeReduced } from "../base/bitmap.js";
import { Icon } from "../base/icons.js";
import { getResultLink } from "../net/api.js";
import { createLimiter } from "../uploads/limiter.js";

const WIDTH = 240;
const MAX_CONCURRENT = 2;
const MARGIN = "300px";
/** Small images that are kept, because rows of long lists come and go. Each takes up to 200 KB of memory. */
const MAX_KEPT = 150;

const limiter = createLimiter(MAX_CONCURRENT);
/** The small images of files, the last used ones last. @type {Map<File, ImageBitmap>} */
const kept = new Map();
/** Links to results by their keys. @type {Map<string, string>} */
const links = new Map();
/** @type {WeakMap<Element, () => void>} */
const loaders = new WeakMap();
const watcher = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      watcher.unobserve(entry.target);
      loaders.get(entry.target)?.();
    }
  },
  { rootMargin: MARGIN },
);

/** @param {{file?: File|null, job?: Job|null}} props the result is shown if there is no file */
export function Thumbnail({ file = null, job = null }) {
  const frame = useRef(/** @type {HTMLElement|null} */ (null));
  const canvas = useRef(/** @type {HTMLCanvasElement|null} */ (null));
  const isFresh = useRef(false);
  const [url, setUrl] = useState("");
  const [status, setStatus] = useState(/** @type {"loading"|"shown"|"failed"} */ ("loading"));
  const output = findSmallest(job);
  const key = file ? "file" : `${job?.id} ${output?.key ?? ""}`;
  useEffect(() => {
    const element = frame.current;
    if (!element) return undefined;
    let isCurrent = true;
    const load = async () => {
      try {
        if (file)
          await limiter.run(async () => void (isCurrent && canvas.current && (await drawFile(file, canvas.current))));
        else if (job && output) {
          const known = links.get(output.key) ?? output.url;
          isFresh.current = !known;
          setUrl(known ?? (await requestLink(job.id, output)));
        } else throw new Error("There is nothing to show.");
        if (isCurrent && file) setStatus("shown");
      } catch {
        if (isCurrent) setStatus("failed");
      }
    };
    loaders.set(element, load);
    watcher.observe(element);
    return () => {
      isCurrent = false;
      watcher.unobserve(element);
    };
  }, [file, key]);
  const retry = async () => {
    // A link of a listing, or one that was kept, may have expired. With a new one, the image itself cannot be shown.
    const next = job && output && !isFresh.current ? await requestLink(job.id, output).catch(() => "") : "";
    isFresh.current = true;
    if (next) setUrl(next);
    else setStatus("failed");
  };
  const format = file ? "" : (output?.format ?? job?.raw.format);
  return html`<span
    class="thumbnail"
    ref=${frame}
    data-shown=${status === "shown"}
  >
    ${file && status !== "failed" && html`<canvas ref=${canvas} />`}
    ${url && status !== "failed" && html`<img src=${url} alt="" decoding="async" onLoad=${() => setStatus("shown")} onError=${retry} />`}
    ${status === "failed" && html`<span class="blank"><${Icon} name="image" />${format}</span>`}
  </span>`;
}

/** Return the smallest output that browsers show. @param {Job|null} job @returns {JobOutput|null} */
function findSmallest(job) {
  const outputs = (job?.result?.outputs ?? []).filter((each) => each.format !== "TIFF");
  return outputs.sort((one, other) => one.size - other.size)[0] ?? null;
}

/** @param {string} id @param {JobOutput} output */
async function requestLink(id, output) {
  const { url } = await getResultLink(id, output.name);
  links.set(output.key, url);
  return url;
}

/** @param {File} file @param {HTMLCanvasElement} canvas */
async function drawFile(file, canvas) {
  const bitmap = kept.get(file) ?? (await decodeSmall(file));
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
  keep(file, bitmap);
}

/** @param {File} file */
async function decodeSmall(file) {
  const reduced = await decodeReduced(file, { width: WIDTH });
  if (reduced.width <= WIDTH) return reduced;
  const small = await createImageBitmap(reduced, { resizeWidth: WIDTH, resizeQuality: "medium" });
  reduced.close();
  return small;
}

/** @param {File} file @param {ImageBitmap} bitmap */
function keep(file, bitmap) {
  kept.delete(file);
  kept.set(file, bitmap);
  const [oldest] = kept.keys();
  if (kept.size <= MAX_KEPT || !oldest) return;
  kept.get(oldest)?.close();
  kept.delete(oldest);
}
