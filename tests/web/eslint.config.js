/** Rules for the modules of the web page. Run in this folder: `npx eslint ../../web/app`. */

import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["**/vendor/*.js"] },
  js.configs.recommended,
  {
    languageOptions: { globals: globals.browser },
    rules: {
      "no-restricted-properties": ["error", { property: "innerHTML" }, { property: "dangerouslySetInnerHTML" }],
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      eqeqeq: "error",
      "prefer-const": "error",
    },
  },
];
