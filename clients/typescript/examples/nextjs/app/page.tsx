"use client";

import { Safelight, type Job, type Progress } from "@safelight/client";
import { useRef, useState, type ChangeEvent } from "react";

// The routes in app/api/safelight have the credentials and forward the requests.
const client = new Safelight({ baseUrl: "/api/safelight" });

function Picture({ job }: { job: Job }) {
  const { sources, img } = client.pictureProps(job, { sizes: "320px" });
  return (
    <picture>
      {sources.map((source) => (
        <source key={source.type} {...source} />
      ))}
      <img {...img} alt={img.alt} style={{ maxWidth: 320, height: "auto" }} />
    </picture>
  );
}

export default function Page() {
  const [progress, setProgress] = useState<Progress>();
  const [jobs, setJobs] = useState<Job[]>([]);
  const controller = useRef<AbortController>(null);

  async function send(event: ChangeEvent<HTMLInputElement>) {
    controller.current = new AbortController();
    const results = await client.uploadMany(event.target.files ?? [], {
      widths: [320, 640],
      formats: ["webp", "jpeg"],
      signal: controller.current.signal,
      onProgress: setProgress,
    });
    setJobs(results.flatMap(({ job }) => (job?.status === "COMPLETED" ? [job] : [])));
  }

  return (
    <main>
      <h1>Safelight with Next.js</h1>
      <input type="file" accept="image/*" multiple onChange={send} aria-label="Images" />
      <button onClick={() => controller.current?.abort()}>Cancel</button>
      {progress && (
        <p role="status">
          {progress.completed} of {progress.total} done, {progress.failed} failed
        </p>
      )}
      {jobs.map((job) => (
        <Picture key={job.id} job={job} />
      ))}
    </main>
  );
}
