// Runs a job through openapi-fetch with the types that openapi-typescript generates.
import { readFile } from "node:fs/promises";
import createClient from "openapi-fetch";
import type { paths } from "./generated/schema";

const [baseUrl, path] = process.argv.slice(2) as [string, string];
const client = createClient<paths>({ baseUrl });
const content = (await readFile(path)).toString("base64");
const created = await client.POST("/v1/jobs", { body: { content, format: "webp" } });
if (!created.data) throw new Error(JSON.stringify(created.error));
let job = created.data;
while (!job.done) {
  const read = await client.GET("/v1/jobs/{job_id}", { params: { path: { job_id: job.id } } });
  if (!read.data) throw new Error(JSON.stringify(read.error));
  job = read.data;
}
const link = await client.GET("/v1/jobs/{job_id}/result", {
  params: { path: { job_id: job.id }, query: { redirect: false } },
});
console.log(JSON.stringify({ job, link: link.data }));
