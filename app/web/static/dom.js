/** Elements: built, found, and shown while something is awaited. */

import { label, words } from "./language.js";

export const find = (selector, within = document) => within.querySelector(selector);

/** An element with these properties and children. */
export function el(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

/** A button that can be pressed again only when what it began has ended; it keeps the focus meanwhile. */
export function button(key, act) {
  const node = el("button", { type: "button" }, words(key));
  node.onclick = async () => {
    if (node.ariaBusy) return;
    node.ariaBusy = "true";
    try {
      await act();
    } finally {
      node.ariaBusy = null;
    }
  };
  return node;
}

/** What may be wider than the page: it scrolls by itself, with the keyboard too. */
export const wide = (key, ...children) =>
  label(el("div", { className: "wide", tabIndex: 0, role: "region" }, ...children), key);

/** Rows of a table, each a list of cells whose first is its heading. */
export function table(heads, rows, properties = {}) {
  const head = heads.length
    ? [el("thead", {}, el("tr", {}, ...heads.map((one) => el("th", { scope: "col" }, one))))]
    : [];
  const body = rows.map(([name, ...cells]) =>
    el("tr", {}, el("th", { scope: "row" }, name), ...cells.map((cell) => el("td", {}, cell))),
  );
  return el("table", properties, ...head, el("tbody", {}, ...body));
}
