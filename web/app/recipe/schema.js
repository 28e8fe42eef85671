/** Reads the JSON Schemas of operations and outputs, as /v1/capabilities tells them, for forms. */

/** @typedef {{name: string, kind: "choice"|"switch"|"number"|"colour"|"text"|"tags", optional: boolean, initial: any,
 *   hint: string, options: string[], min?: number, max?: number, step?: number|"any", pattern?: string,
 *   longest?: number, alpha?: boolean}} Field */

/**
 * List the fields of a schema; what has only one value is none.
 * @param {any} schema
 * @returns {Field[]}
 */
export function fieldsOf(schema) {
  return Object.entries(schema.properties)
    .filter(([, property]) => property.const === undefined)
    .map(([name, property]) => field(name, property, schema));
}

/** Leave out what has its default, so that what is shown and sent is what was asked. @param {any} value @param {any} schema */
export function compact(value, schema) {
  const kept = Object.entries(value).filter(([name, each]) => {
    const property = schema.properties[name];
    if (!property || property.const !== undefined) return true;
    return each !== null && each !== undefined && JSON.stringify(each) !== JSON.stringify(property.default);
  });
  return Object.fromEntries(kept);
}

function field(name, property, schema) {
  const optional = Boolean(property.anyOf?.some((each) => each.type === "null"));
  const inner = property.anyOf?.find((each) => each.type !== "null") ?? property;
  const type = inner.$ref ? schema.$defs[inner.$ref.split("/").pop()] : inner;
  return {
    name,
    kind: kindOf(type),
    optional,
    initial: property.default ?? null,
    hint: plain(property.description ?? inner.description ?? ""),
    options: type.enum ?? (type.items?.const ? [type.items.const] : []),
    min: type.minimum ?? type.exclusiveMinimum,
    max: type.maximum,
    step: type.type === "integer" ? 1 : "any",
    pattern: type.pattern,
    longest: type.maxLength,
    alpha: type.pattern?.includes("{2}"),
  };
}

function kindOf(type) {
  if (type.enum) return "choice";
  if (type.type === "boolean") return "switch";
  if (type.type === "array") return "tags";
  if (type.type === "integer" || type.type === "number") return "number";
  return type.pattern?.startsWith("^#") ? "colour" : "text";
}

/** Descriptions are written for a reference. @param {string} text */
export function plain(text) {
  return text.replaceAll("`", "").split("\n\n")[0];
}
