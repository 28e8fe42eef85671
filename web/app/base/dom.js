/** Access to elements that are part of `index.html` or of a view. */

/**
 * Return the element. Raise an error if it does not exist.
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function find(selector) {
  const element = document.querySelector(selector);
  if (!(element instanceof HTMLElement)) throw new Error(`The page has no ${selector}.`);
  return element;
}

/** Move the focus to an element after the next drawing, if the element exists then. @param {string} selector */
export function focusSoon(selector) {
  requestAnimationFrame(() => {
    const element = document.querySelector(selector);
    if (element instanceof HTMLElement) element.focus({ preventScroll: true });
  });
}
