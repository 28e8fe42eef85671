// Runs a job through the functions that orval generates.
import { readFile } from "node:fs/promises";
import { createJob as createJobFromForm } from "./generated/form";
import { createJob, getJob, getJobResult } from "./generated/json";

const [, path] = process.argv.slice(2) as [string, string];
const image = await readFile(path);
const fromForm = await createJobFromForm({ file: new Blob([new Uint8Array(image)]), format: "webp" });
if (fromForm.status !== 202) throw new Error(JSON.stringify(fromForm));
const content = image.toString("base64");
const created = await createJob({ content, format: "webp" });
if (created.status !== 202) throw new Error(JSON.stringify(created));
let job = created.data;
while (!job.done) {
  const read = await getJob(job.id);
  if (read.status !== 200) throw new Error(JSON.stringify(read));
  job = read.data;
}
const link = await getJobResult(job.id, { redirect: false });
if (link.status !== 200) throw new Error(JSON.stringify(link));
console.log(JSON.stringify({ job, link: link.data }));
