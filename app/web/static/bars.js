/** Shares as bars. */

import { el } from "./dom.js";
import { percent } from "./figures.js";

/** Labels with their probabilities, a bar each; `chosen` stands out, and `named` says what a label is called. */
export function bars(entries, chosen, named = (label) => label) {
  const rows = entries.map(([label, share]) => {
    const fill = el("span", { className: "fill" });
    fill.style.width = `${100 * share}%`;
    const track = el("span", { className: "track", ariaHidden: "true" }, fill);
    const row = el("li", {}, el("span", { className: "label" }, named(label)), track, el("span", {}, percent(share)));
    row.classList.toggle("chosen", label === chosen);
    row.classList.toggle("none", share < 0.0005);
    return row;
  });
  return el("ol", { className: "bars" }, ...rows);
}

/** Parts of a whole in one bar, named under it: [name, amount, what is shown of the amount]. */
export function parts(entries) {
  const bar = el("span", { className: "parts", ariaHidden: "true" });
  const legend = entries.map(([name, amount, shown], place) => {
    const part = el("span", { className: `part p${place}` });
    part.style.flexGrow = amount;
    bar.append(part);
    return el("li", { className: `key p${place}` }, name, " ", el("strong", {}, shown));
  });
  return el("div", { className: "whole" }, bar, el("ul", { className: "legend" }, ...legend));
}
