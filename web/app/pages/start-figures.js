/** The sample image and its results, as benchmarks/start_pictures.py measured them. */

export const FIGURES = {
  before: { width: 640, height: 427, format: "JPEG", size: 44659 },
  web: { width: 640, height: 427, format: "WEBP", size: 24216 },
  thumbnail: { width: 256, height: 256, format: "JPEG", size: 6773 },
  archive: { width: 640, height: 427, format: "PNG", size: 325798 },
};
