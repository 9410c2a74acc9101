/**
 * Elements without markup: text always goes in as text, so that no value can become HTML.
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Makes an element.
 *
 * `on` adds listeners, `data` sets data attributes, `class` the class, `value`, `checked` and
 * `disabled` are set as properties; every other entry is an attribute (true = present, false, null
 * and undefined = absent). Children are elements, texts, numbers, or lists of them.
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) setProperty(element, name, value);
  element.append(...contentOf(children));
  return element;
}

/** Replaces everything inside `parent`. */
export function fill(parent, ...children) {
  parent.replaceChildren(...contentOf(children));
  return parent;
}

/** A picture from a list of SVG path data, hidden from screen readers. */
export function icon(paths) {
  const svg = document.createElementNS(SVG, "svg");
  const attributes = { viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon", focusable: "false" };
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, value);
  for (const data of paths) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", data);
    svg.append(path);
  }
  return svg;
}

function setProperty(element, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name === "on") {
    for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
  } else if (name === "data") {
    for (const [key, text] of Object.entries(value)) {
      if (text !== undefined && text !== null) element.dataset[key] = text;
    }
  } else if (name === "class") {
    element.className = value;
  } else if (name === "value" || name === "checked" || name === "disabled") {
    element[name] = value;
  } else {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

function contentOf(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));
}
