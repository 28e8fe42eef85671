/** Focus that is not lost: if the focused element disappears, what takes its place gets the focus. */

const CONTROLS =
  ":is(a[href], button:enabled, input:enabled, select:enabled, summary, [tabindex='0'], h1):not([tabindex='-1']:not(h1))";

/** The element that had the focus last, and its ancestors with the position of the child that leads to it, nearest first. */
let focused = {
  element: /** @type {Element|null} */ (null),
  path: /** @type {Array<{parent: Element, index: number}>} */ ([]),
};

/** Move the focus within an element when the focused part of it is removed. @param {HTMLElement} root */
export function keepFocus(root) {
  root.addEventListener("focusin", ({ target }) => {
    if (target instanceof Element) focused = { element: target, path: describePath(target, root) };
  });
  const observer = new MutationObserver(() => {
    if (focused.element && !focused.element.isConnected) restoreFocus();
  });
  observer.observe(root, { childList: true, subtree: true });
}

function restoreFocus() {
  const { element, path } = focused;
  if (!element || element.isConnected) return;
  focused = { element: null, path: [] };
  if (document.activeElement && document.activeElement !== document.body) return; // an action has moved the focus
  for (const { parent, index } of path) {
    if (!parent.isConnected) continue;
    const place = parent.children[Math.min(index, parent.children.length - 1)];
    const control = (place && findControl(place)) ?? findControl(parent);
    if (!control) continue;
    control.focus({ preventScroll: true });
    return;
  }
}

/** Return the element if it can have the focus, or the first such element in it. @param {Element} place @returns {HTMLElement|null} */
function findControl(place) {
  const found = [place, ...place.querySelectorAll(CONTROLS)].find(
    (each) => each instanceof HTMLElement && each.matches(CONTROLS) && each.checkVisibility(),
  );
  return found instanceof HTMLElement ? found : null;
}

/** @param {Element} element @param {Element} root */
function describePath(element, root) {
  const path = [];
  for (let child = element; child !== root && child.parentElement; child = child.parentElement)
    path.push({ parent: child.parentElement, index: [...child.parentElement.children].indexOf(child) });
  return path;
}
