// Runs a job through the client that @hey-api/openapi-ts generates, from JSON and from a file.
import { readFile } from "node:fs/promises";
import { createJob, getJob, getJobResult } from "./generated";
import { client } from "./generated/client.gen";

const [baseUrl, path] = process.argv.slice(2) as [string, string];
client.setConfig({ baseUrl });
const content = (await readFile(path)).toString("base64");
const created = await createJob({ body: { content, format: "webp" }, throwOnError: true });
let job = created.data;
while (!job.done) job = (await getJob({ path: { job_id: job.id }, throwOnError: true })).data;
const link = await getJobResult({ path: { job_id: job.id }, query: { redirect: false }, throwOnError: true });
console.log(JSON.stringify({ job, link: link.data }));
