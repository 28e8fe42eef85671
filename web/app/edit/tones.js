/** Grayscale and adjusted colors for the preview: the same arithmetic as worker/imaging/operations/tone.py. */

/** @typedef {import("./drawing.js").Drawing} Drawing */

const MIDDLE_GRAY = 128;

/** Return the ITU-R BT.601 luma. @param {number} red @param {number} green @param {number} blue */
export function computeLuma(red, green, blue) {
  return Math.round(red * 0.299 + green * 0.587 + blue * 0.114);
}

/**
 * Return the value of a channel after a change of brightness and contrast, for each value before it.
 * @param {number} brightness @param {number} contrast @returns {Uint8ClampedArray}
 */
export function createCurve(brightness, contrast) {
  return Uint8ClampedArray.from(
    { length: 256 },
    (_, value) => (value * brightness - MIDDLE_GRAY) * contrast + MIDDLE_GRAY,
  );
}

/** @param {Drawing} drawing @returns {Drawing} */
export function turnGray(drawing) {
  return changePixels(drawing, (data) => {
    for (let index = 0; index < data.length; index += 4) {
      const luma = computeLuma(data[index] ?? 0, data[index + 1] ?? 0, data[index + 2] ?? 0);
      data.fill(luma, index, index + 3);
    }
  });
}

/** @param {Drawing} drawing @param {Record<string, any>} adjust @returns {Drawing} */
export function adjustColors(drawing, { brightness = 1, contrast = 1, saturation = 1 }) {
  const curve = createCurve(brightness, contrast);
  return changePixels(drawing, (data) => {
    for (let index = 0; index < data.length; index += 4) {
      const red = curve[data[index] ?? 0] ?? 0;
      const green = curve[data[index + 1] ?? 0] ?? 0;
      const blue = curve[data[index + 2] ?? 0] ?? 0;
      const luma = computeLuma(red, green, blue);
      data[index] = luma + (red - luma) * saturation;
      data[index + 1] = luma + (green - luma) * saturation;
      data[index + 2] = luma + (blue - luma) * saturation;
    }
  });
}

/** @param {Drawing} drawing @param {(data: Uint8ClampedArray) => void} change @returns {Drawing} */
function changePixels({ canvas: from, size }, change) {
  const canvas = document.createElement("canvas");
  canvas.width = from.width;
  canvas.height = from.height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.drawImage(from, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  change(pixels.data);
  context.putImageData(pixels, 0, 0);
  return { canvas, size };
}
