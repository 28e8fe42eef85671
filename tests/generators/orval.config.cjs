// With its defaults, orval sends a body as JSON if an operation accepts several content types.
const { OPENAPI, OUTPUT, BASE_URL } = process.env;

module.exports = {
  json: { input: OPENAPI, output: { target: `${OUTPUT}/json.ts`, client: "fetch", baseUrl: BASE_URL } },
  form: {
    input: OPENAPI,
    output: {
      target: `${OUTPUT}/form.ts`,
      client: "fetch",
      baseUrl: BASE_URL,
      override: { contentType: { include: ["multipart/form-data"] } },
    },
  },
};
