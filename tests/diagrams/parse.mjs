// Parse diagrams: a JSON array of their texts on standard input, a JSON array of complaints (or null) on standard output.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import vm from "node:vm";
import { JSDOM } from "jsdom";

const bundle = createRequire(import.meta.url).resolve("mermaid/dist/mermaid.min.js");
const page = new JSDOM("<!doctype html>", { runScripts: "outside-only" });
page.window.structuredClone = structuredClone; // jsdom has none
new vm.Script(readFileSync(bundle, "utf8")).runInContext(page.getInternalVMContext());

const complaints = [];
for (const text of JSON.parse(readFileSync(0, "utf8"))) {
  complaints.push(await page.window.mermaid.parse(text).then(() => null, (error) => String(error.message)));
}
process.stdout.write(JSON.stringify(complaints));
process.exit(0);
