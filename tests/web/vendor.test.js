/** The vendored libraries are those that `package-lock.json` names. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { VENDOR, bundle } from "./vendor.js";

test("the files in web/app/vendor are up to date", async () => {
  for (const [name, text] of Object.entries(await bundle())) {
    const stored = await readFile(new URL(name, VENDOR), "utf-8");
    assert.equal(stored, text, `Run \`npm run vendor\` in tests/web: ${name}`);
  }
});
