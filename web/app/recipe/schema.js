/** Form fields from the JSON Schemas of operations and outputs in /v1/capabilities. */

/** @typedef {{name: string, kind: "choice"|"switch"|"number"|"color"|"text"|"tags", optional: boolean, initial: any,
 *   hint: string, options: string[], min?: number, max?: number, step?: number|"any", pattern?: string,
 *   longest?: number, alpha?: boolean}} Field */

/**
 * Return the fields of a schema.
 * @param {any} schema
 * @returns {Field[]}
 */
export function listFields(schema) {
  return Object.entries(schema.properties)
    .filter(([name, property]) => property.const === undefined && name !== "operations")
    .map(([name, property]) => readField(name, property, schema));
}

/**
 * Return a value without its defaults, so that requests and snippets contain only explicit values.
 * @param {Record<string, any>} value @param {any} schema @returns {Record<string, any>}
 */
export function compact(value, schema) {
  const explicit = Object.entries(value).filter(([name, each]) => {
    const property = schema.properties[name];
    if (!property || property.const !== undefined) return true;
    return !isDefault(each, property.default);
  });
  return Object.fromEntries(explicit);
}

/** Return true if a value is not given, or equal to the default. @param {any} given @param {any} initial */
export function isDefault(given, initial) {
  return given === null || given === undefined || JSON.stringify(given) === JSON.stringify(initial);
}

/** @param {string} name @param {any} property @param {any} schema @returns {Field} */
function readField(name, property, schema) {
  /** @type {any[]} */
  const choices = property.anyOf ?? [];
  const optional = choices.some((each) => each.type === "null");
  const inner = choices.find((each) => each.type !== "null") ?? property;
  const type = inner.$ref ? schema.$defs[inner.$ref.split("/").pop()] : inner;
  return {
    name,
    kind: getKind(type),
    optional,
    initial: property.default ?? null,
    hint: toPlainText(property.description ?? inner.description ?? ""),
    options: type.enum ?? (type.items?.const ? [type.items.const] : []),
    min: type.minimum ?? type.exclusiveMinimum,
    max: type.maximum,
    step: type.type === "integer" ? 1 : "any",
    pattern: type.pattern,
    longest: type.maxLength,
    alpha: type.pattern?.includes("{2}"),
  };
}

/** @param {any} type @returns {Field["kind"]} */
function getKind(type) {
  if (type.enum) return "choice";
  if (type.type === "boolean") return "switch";
  if (type.type === "array") return "tags";
  if (type.type === "integer" || type.type === "number") return "number";
  return type.pattern?.startsWith("^#") ? "color" : "text";
}

/** Return the first paragraph of a Markdown description, without backticks. @param {string} text */
export function toPlainText(text) {
  return text.replaceAll("`", "").split("\n\n")[0];
}

/** Return true if the edited values are those of the job. Values that the recipe does not name are defaults. @param {any} done @param {any} edited */
export function isSamePipeline(done, edited) {
  return hasValues(done?.operations, edited.operations) && hasValues(done?.outputs, edited.outputs);
}

/** Return true if a value has all the values of another one, at every level. @param {any} whole @param {any} values @returns {boolean} */
function hasValues(whole, values) {
  if (Array.isArray(values))
    return whole?.length === values.length && values.every((each, index) => hasValues(whole[index], each));
  if (values === null || typeof values !== "object") return (whole ?? null) === (values ?? null);
  return Object.entries(values).every(([name, each]) => hasValues(whole?.[name], each));
}
