/** Helpers that build elements. Outside text is inserted as text or as an attribute's value, never as markup. */

const HANDLER = /^on[A-Z]/;

/**
 * Create an element.
 * @param {string} tag
 * @param {Record<string, any>} [props] `dataset`, event handlers such as `onClick`, and attributes. `true` sets
 *   an empty attribute; `false`, `null` and `undefined` set none.
 * @param {...(Node|string|number|null|undefined|false|Array<any>)} children
 * @returns {any}
 */
export function el(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  if (tag === "button") element.type = "button"; // the HTML default submits forms
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (HANDLER.test(name)) element.addEventListener(name.slice(2).toLowerCase(), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

/**
 * Replace the children of an element.
 * @param {Element} element
 * @param {...any} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/** @param {string} selector @param {ParentNode} [where] @returns {any} */
export function find(selector, where = document) {
  return where.querySelector(selector);
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    element.append(child instanceof Node ? child : String(child));
  }
}
