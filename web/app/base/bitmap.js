/** Reduced copies of images, which take little memory. */

const JPEG = [0xff, 0xd8, 0xff];

/**
 * Decode an image, upright, with fewer pixels. The caller closes the result.
 *
 * A JPEG of 12 megapixels takes 48 MB. Browsers that can decode it at a part of its size need a tenth of the memory and
 * of the time. Browsers have `ImageDecoder` only on pages with TLS and on localhost.
 * @param {Blob} data @param {{width: number, height?: number}} size of the result; a JPEG may get somewhat more or fewer pixels
 * @returns {Promise<ImageBitmap>}
 */
export async function decodeReduced(data, { width, height }) {
  if (canReduce() && (await isJpeg(data))) {
    try {
      return await decodeJpeg(data, Math.max(width, height ?? 0));
    } catch {
      // The other decoder says whether the browser can show the image.
    }
  }
  const wanted = height ? { resizeWidth: width, resizeHeight: height } : { resizeWidth: width };
  return createImageBitmap(data, { ...wanted, resizeQuality: "medium" });
}

/** Return the dimensions of an image, upright, without decoding its pixels. @param {Blob} data @returns {Promise<{width: number, height: number}>} */
export async function readDimensions(data) {
  const url = URL.createObjectURL(data);
  try {
    const element = new Image();
    await new Promise((resolve, reject) => {
      element.onload = resolve;
      element.onerror = reject;
      element.src = url;
    });
    return { width: element.naturalWidth, height: element.naturalHeight };
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Return true if this browser has a decoder that reduces, and that turns images upright. */
function canReduce() {
  return "ImageDecoder" in window && "rotation" in VideoFrame.prototype;
}

/** @param {Blob} data */
async function isJpeg(data) {
  const head = new Uint8Array(await data.slice(0, JPEG.length).arrayBuffer());
  return JPEG.every((each, index) => head[index] === each);
}

/** @param {Blob} file @param {number} side pixels; the result has about as many as a square with this side @returns {Promise<ImageBitmap>} */
async function decodeJpeg(file, side) {
  const data = await file.arrayBuffer();
  // Without `transfer`, the file stays in memory until the next garbage collection.
  const decoder = new ImageDecoder({
    type: "image/jpeg",
    data,
    transfer: [data],
    desiredWidth: side,
    desiredHeight: side,
  });
  try {
    const { image } = await decoder.decode();
    try {
      return await createImageBitmap(image);
    } finally {
      image.close();
    }
  } finally {
    decoder.close();
  }
}
