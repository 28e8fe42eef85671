// sharp as its documentation recommends. Usage: node sharp.mjs JOB_AS_JSON OUT_FOLDER FILE…
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";

const [job, out, ...files] = [JSON.parse(process.argv[2]), ...process.argv.slice(3)];

async function run(data) {
  let image = sharp(data)
    .rotate() // applies the EXIF orientation
    .resize({ width: job.width, height: job.height, fit: job.fit, withoutEnlargement: true });
  if (job.gray) image = image.grayscale();
  if (job.mark) {
    const text = { text: `<span foreground="white">${job.mark}</span>`, rgba: true, dpi: 250 };
    image = image.composite([{ input: { text }, gravity: "southeast" }]);
  }
  const options = job.format === "png" ? { compressionLevel: 6 } : { quality: job.quality };
  return image[job.format](options).toBuffer();
}

for (const [index, file] of files.entries()) {
  await writeFile(join(out, `${index}.${job.format}`), await run(await readFile(file)));
}
