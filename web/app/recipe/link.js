/** A recipe as text: for an address, `#/?recipe=…`, or for a query or a command. */

/** @param {any} recipe @returns {string} base64 for URLs (RFC 4648, section 5) */
export function encodeRecipe(recipe) {
  const data = new TextEncoder().encode(JSON.stringify(recipe));
  const text = btoa(Array.from(data, (each) => String.fromCharCode(each)).join(""));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Return the recipe, or null if the text has none. @param {string} text @returns {any} */
export function decodeRecipe(text) {
  if (!text) return null;
  try {
    const data = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(data));
  } catch {
    return null;
  }
}

/** Return the job spec as text options of a query or command. @param {JobSpec} spec @returns {Record<string, string>} */
export function toTextOptions(spec) {
  return "preset" in spec ? { preset: spec.preset } : { pipeline: JSON.stringify(spec.pipeline) };
}
