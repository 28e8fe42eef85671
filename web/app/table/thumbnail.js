/** Small images. Those of local files are decoded at their small size, a few at a time, and only when they are visible. */

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { Icon } from "../base/icons.js";
import { getResultLink } from "../net/api.js";
import { createLimiter } from "../uploads/limiter.js";

const WIDTH = 240;
const MAX_CONCURRENT = 2;
const MARGIN = "300px";

const limiter = createLimiter(MAX_CONCURRENT);
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
        else if (job && output) setUrl(output.url ?? (await getResultLink(job.id, output.name)).url);
        else throw new Error("There is nothing to show.");
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
  const format = file ? "" : (output?.format ?? job?.raw.format);
  return html`<span
    class="thumbnail"
    ref=${frame}
    data-shown=${status === "shown"}
  >
    ${file && status !== "failed" && html`<canvas ref=${canvas} />`}
    ${url && status !== "failed" && html`<img src=${url} alt="" decoding="async" onLoad=${() => setStatus("shown")} onError=${() => setStatus("failed")} />`}
    ${status === "failed" && html`<span class="blank"><${Icon} name="image" />${format}</span>`}
  </span>`;
}

/** @param {Job|null} job @returns {JobOutput|null} */
function findSmallest(job) {
  const outputs = [...(job?.result?.outputs ?? [])];
  return outputs.sort((one, other) => one.size - other.size)[0] ?? null;
}

/** @param {File} file @param {HTMLCanvasElement} canvas */
async function drawFile(file, canvas) {
  const bitmap = await createImageBitmap(file, {
    resizeWidth: WIDTH,
    resizeQuality: "medium",
  });
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
  bitmap.close();
}
