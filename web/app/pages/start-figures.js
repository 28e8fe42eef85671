/** The sample image and its results, as benchmarks/start_pictures.py measured them. */

export const FIGURES = {
  before: { width: 1000, height: 872, format: "JPEG", size: 155477 },
  web: { width: 1000, height: 872, format: "WEBP", size: 110860 },
  thumbnail: { width: 256, height: 256, format: "JPEG", size: 15284 },
  archive: { width: 1000, height: 872, format: "PNG", size: 1413414 },
};
