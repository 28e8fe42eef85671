// Forwards only the requests that the page needs. The API key stays on the server.
import type { NextRequest } from "next/server";

const API = process.env.SAFELIGHT_URL ?? "http://127.0.0.1:4566/v1";
/** Not `GET /jobs`, which would list the jobs of all users. */
const ALLOWED: Record<string, RegExp> = {
  GET: /^jobs\/[0-9A-Z]{26}(\/(result|outputs\/[\w-]+))?$/,
  POST: /^(jobs|uploads|jobs\/[0-9A-Z]{26}\/cancel|uploads\/[0-9A-Z]{26}\/(parts|complete|abort))$/,
};
/** Headers that the page may send, and those of the response that it needs. */
const REQUEST = ["content-type", "idempotency-key", "prefer"];
const RESPONSE = ["content-type", "location", "preference-applied", "retry-after"];

function pick(headers: Headers, names: string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (headers.has(name) ? [[name, headers.get(name)!]] : [])));
}

async function forward(request: NextRequest, { params }: { params: Promise<{ path: string[] }> }): Promise<Response> {
  const path = (await params).path.join("/");
  // Replace this comment by a check that the user is signed in and that the job is the user's.
  if (!ALLOWED[request.method]?.test(path)) return new Response(null, { status: 404 });
  const key = process.env.SAFELIGHT_API_KEY;
  const response = await fetch(`${API}/${path}${request.nextUrl.search}`, {
    method: request.method,
    headers: { ...pick(request.headers, REQUEST), ...(key && { "x-api-key": key }) },
    body: request.method === "POST" ? await request.arrayBuffer() : null,
    redirect: "manual",
  });
  return new Response(response.body, { status: response.status, headers: pick(response.headers, RESPONSE) });
}

export { forward as GET, forward as POST };
