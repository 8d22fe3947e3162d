/** The figures of a training over its epochs, drawn as SVG: what it learned from, and what it was checked with. */

import { el } from "./dom.js";
import { words } from "./language.js";

const WIDTH = 420;
const HEIGHT = 220;
const EDGE = { left: 56, right: 12, top: 14, bottom: 24 };
const NO_CURVE = new Set(["epoch", "seconds", "learning_rate"]);

/** A chart for each figure that the rows have. */
export function charts(rows) {
  const names = new Set(rows.flatMap((row) => Object.keys(row).filter((name) => typeof row[name] === "number")));
  return [...names].filter((name) => !name.startsWith("val_") && !NO_CURVE.has(name)).map((name) => chart(name, rows));
}

function chart(name, rows) {
  const values = rows.flatMap((row) => [row[name], row[`val_${name}`]]).filter(Number.isFinite);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = high - low || 1;
  const x = (place) => EDGE.left + ((WIDTH - EDGE.left - EDGE.right) * place) / Math.max(1, rows.length - 1);
  const y = (value) => EDGE.top + (HEIGHT - EDGE.top - EDGE.bottom) * (1 - (value - low) / span);
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": name });
  for (const value of [low, low + span / 2, low + span]) {
    drawing.append(
      svg("line", { class: "grid", x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(value), y2: y(value) }),
      svg("text", { x: EDGE.left - 6, y: y(value) + 4, "text-anchor": "end" }, String(Number(value.toPrecision(2)))),
    );
  }
  rows.forEach((row, place) => {
    if (place && row.phase === rows[place - 1].phase) return;
    if (place) drawing.append(svg("line", { class: "phase", x1: x(place), x2: x(place), y1: EDGE.top, y2: HEIGHT - EDGE.bottom }));
    drawing.append(svg("text", { x: x(place) + 2, y: HEIGHT - 6 }, row.phase));
  });
  for (const [kind, field] of [["training", name], ["validation", `val_${name}`]]) {
    const points = rows.map((row, place) => [x(place), y(row[field])]).filter(([, height]) => Number.isFinite(height));
    drawing.append(svg("polyline", { class: kind, points: points.join(" ") }));
    if (points.length < 40) drawing.append(...points.map(([cx, cy]) => svg("circle", { class: kind, cx, cy, r: 3 })));
  }
  const legend = ["training", "validation"].map((kind) => el("span", { className: `key ${kind}` }, words(`curve.${kind}`)));
  const title = el("figcaption", {}, words(`figure.${name}`, { otherwise: name }), " ", ...legend);
  return el("figure", { className: "chart" }, title, drawing);
}

function svg(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
