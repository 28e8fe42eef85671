import { fileURLToPath } from "node:url";

export default {
  // The client is a folder of this repository. Without this line, Next.js guesses the root of the project.
  outputFileTracingRoot: fileURLToPath(new URL("../..", import.meta.url)),
};
