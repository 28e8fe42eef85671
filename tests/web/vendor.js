/** Builds the libraries in `web/app/vendor` from the packages in `package-lock.json`. `npm run vendor` writes the files. */

import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export const VENDOR = new URL("../../web/app/vendor/", import.meta.url);
const NOTICE = "// Built by tests/web/vendor.js. NOTICE has the licenses.\n";
const ENTRIES = {
  "preact.js": `
    import { h } from "preact";
    import htm from "htm";
    export { render } from "preact";
    export { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
    export { batch, computed, effect, signal } from "@preact/signals";
    export const html = htm.bind(h);`,
  "client-zip.js": `export { downloadZip } from "client-zip";`,
};

/** Return the text of each file by its name. */
export async function bundle() {
  const texts = await Promise.all(
    Object.entries(ENTRIES).map(async ([name, contents]) => {
      const stdin = { contents, resolveDir: fileURLToPath(new URL(".", import.meta.url)) };
      const options = {
        bundle: true,
        format: "esm",
        minify: true,
        target: "es2022",
        legalComments: "none",
        write: false,
      };
      const built = await build({ stdin, ...options });
      return [name, NOTICE + built.outputFiles[0].text];
    }),
  );
  return Object.fromEntries(texts);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of Object.entries(await bundle())) await writeFile(new URL(name, VENDOR), text);
}
