/** The marks of watermarks as canvases: a text in a similar font, or an asset. */

import { signal } from "../vendor/preact.js";
import { loadAssetImage } from "./assets.js";

const FONT_PIXELS = 100;
/** The worker draws DejaVu Sans. Verdana has almost the same shapes. */
const FONT = `${FONT_PIXELS}px "DejaVu Sans", Verdana, sans-serif`;

/** @typedef {ReturnType<typeof createMarks>} Marks */

export function createMarks() {
  /** Counts the assets that have loaded. */
  const loaded = signal(0);
  /** @type {Map<string, HTMLImageElement|null>} null while it loads, and if it cannot be shown */
  const assets = new Map();

  /** @param {string} name @returns {HTMLImageElement|null} */
  const getAsset = (name) => {
    if (!assets.has(name)) {
      assets.set(name, null);
      loadAssetImage(name).then(
        (image) => {
          assets.set(name, image);
          loaded.value += 1;
        },
        () => assets.delete(name),
      );
    }
    return assets.get(name) ?? null;
  };

  return {
    loaded,
    /** Forget an asset whose content has changed. @param {string} name */
    forget(name) {
      assets.delete(name);
      loaded.value += 1;
    },
    /** Return the mark of a watermark with its rotation, or null while it loads. @param {Record<string, any>} operation */
    draw(operation) {
      const mark = operation.image ? copyImage(getAsset(operation.image)) : drawText(operation);
      return mark && rotate(mark, operation.angle ?? 0);
    },
  };
}

/** @param {HTMLImageElement|null} image */
function copyImage(image) {
  if (!image) return null;
  const { canvas, context } = createCanvas(image.naturalWidth, image.naturalHeight);
  context.drawImage(image, 0, 0);
  return canvas;
}

/** Draw a text without margins. @param {Record<string, any>} operation */
function drawText({ text, color = "#ffffff" }) {
  if (!text) return null;
  const { context: ruler } = createCanvas(1, 1);
  ruler.font = FONT;
  const {
    actualBoundingBoxLeft: left,
    actualBoundingBoxRight: right,
    actualBoundingBoxAscent: up,
    actualBoundingBoxDescent: down,
  } = ruler.measureText(text);
  const { canvas, context } = createCanvas(left + right, up + down);
  context.font = FONT;
  context.fillStyle = color;
  context.fillText(text, left, up);
  return canvas;
}

/** @param {HTMLCanvasElement} mark @param {number} angle degrees clockwise */
function rotate(mark, angle) {
  if (angle % 360 === 0) return mark;
  const radians = (angle * Math.PI) / 180;
  const across = Math.abs(Math.cos(radians));
  const down = Math.abs(Math.sin(radians));
  const { canvas, context } = createCanvas(
    mark.width * across + mark.height * down,
    mark.width * down + mark.height * across,
  );
  context.translate(canvas.width / 2, canvas.height / 2);
  context.rotate(radians);
  context.drawImage(mark, -mark.width / 2, -mark.height / 2);
  return canvas;
}

/** @param {number} width @param {number} height */
function createCanvas(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width));
  canvas.height = Math.max(1, Math.round(height));
  return { canvas, context: /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")) };
}
