// Markup for the outputs of a job. It follows the rules of `result.markup` (api/jobs/markup.py).
import type { Job } from "./client.js";

export interface PictureOptions {
  /** Text for people who do not see the image. Default: the file name without its extension. */
  alt?: string;
  /** Width of the image on the page, as in the attribute `sizes`. Default: `100vw`. */
  sizes?: string;
  className?: string;
  loading?: "lazy" | "eager";
}

export interface PictureProps {
  sources: { type: string; srcSet: string; sizes: string }[];
  img: {
    src: string;
    srcSet: string;
    sizes: string;
    width: number;
    height: number;
    alt: string;
    loading: "lazy" | "eager";
    decoding: "async";
    className?: string;
  };
}

type Image = NonNullable<Job["result"]>["outputs"][number];

/** Formats that browsers show, best first. The last one that a job has is for browsers without the others. */
const FORMATS = ["AVIF", "WEBP", "PNG", "GIF", "JPEG"];

/** Return the properties of a `<picture>` element and its children. Throw RangeError if a browser can show no output. */
export function pictureProps(job: Job, getUrl: (name: string) => string, options: PictureOptions): PictureProps {
  const images = selectImages(job);
  const formats = FORMATS.filter((format) => images.some((each) => each.format === format));
  const fallback = formats.pop();
  if (fallback === undefined) throw new RangeError("The job has no output that a browser can show.");
  const sizes = options.sizes ?? "100vw";
  const list = (format: string) =>
    images.filter((each) => each.format === format).sort((one, other) => one.width - other.width);
  const srcSet = (format: string) => list(format).map((each) => `${getUrl(each.name)} ${each.width}w`).join(", ");
  const largest = list(fallback).at(-1)!;
  return {
    sources: formats.map((format) => ({ type: list(format)[0]!.media_type, srcSet: srcSet(format), sizes })),
    img: {
      src: getUrl(largest.name),
      srcSet: srcSet(fallback),
      sizes,
      width: largest.width,
      height: largest.height,
      alt: options.alt ?? job.filename.replace(/^.*\//, "").replace(/(?<=.)\.[^.]*$/, ""),
      loading: options.loading ?? "lazy",
      decoding: "async",
      ...(options.className !== undefined && { className: options.className }),
    },
  };
}

/** Return the element as HTML. Every value is escaped, because file names can contain markup. */
export function pictureHtml({ sources, img }: PictureProps): string {
  const children = sources.map((each) => writeTag("source", { ...each })).join("");
  return `<picture>${children}${writeTag("img", { ...img })}</picture>`;
}

function writeTag(name: string, attributes: Record<string, string | number>): string {
  const names: Record<string, string> = { srcSet: "srcset", className: "class" };
  const pairs = Object.entries(attributes).map(([key, value]) => ` ${names[key] ?? key}="${escapeHtml(String(value))}"`);
  return `<${name}${pairs.join("")}>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`);
}

/** Return the outputs that show the same image: responsive ones, or else those that are only resized. */
function selectImages(job: Job): Image[] {
  const outputs = job.result?.outputs ?? [];
  const own = job.pipeline?.outputs ?? [];
  const isResized = (each: { operations?: { op: string }[] }) => (each.operations ?? []).every(({ op }) => op === "resize");
  const images = outputs.filter((output) => {
    const found = own.find((each) => each.name === output.name);
    return job.pipeline?.responsive ? !found : !found || isResized(found);
  });
  const largest = images.reduce<Image | undefined>((best, each) => (best && best.width >= each.width ? best : each), undefined);
  const seen = new Set<string>();
  return images.filter(({ format, width, height }) => {
    const key = `${format} ${width}`;
    const hasShape = Math.abs((largest!.height * width) / largest!.width - height) <= 1;
    if (!FORMATS.includes(format) || !hasShape || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
