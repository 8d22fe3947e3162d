/** The figures of a training over its epochs, drawn as SVG: what it learned from, and what it was checked with. */

import { button, el } from "./dom.js";
import { figure, named } from "./figures.js";
import { message, say, words } from "./language.js";
import { save } from "./pictures.js";
import { fitserve } from "./service.js";

const WIDTH = 420;
const HEIGHT = 220;
const EDGE = { left: 56, right: 12, top: 14, bottom: 34 };
const FLOOR = HEIGHT - EDGE.bottom;
const NO_CURVE = new Set(["epoch", "seconds", "learning_rate"]);
const KINDS = [
  ["training", ""],
  ["validation", "val_"],
];
const MOST_DOTS = 40;

/** A chart for each figure that the rows have. */
export function charts(rows) {
  const names = new Set(rows.flatMap((row) => Object.keys(row).filter((name) => typeof row[name] === "number")));
  return [...names].filter((name) => !name.startsWith("val_") && !NO_CURVE.has(name)).map((name) => chart(name, rows));
}

/** Buttons that save the curves of a job. */
export const exportsOf = (id) =>
  el(
    "div",
    { className: "row exports" },
    button("train.csv", async () => save(new Blob([await fitserve.historyCsv(id)], { type: "text/csv" }), `${id}.csv`)),
    button("train.svg", async () => save(await fitserve.plot(id), `${id}.svg`)),
  );

function chart(name, rows) {
  const scale = scaleOf(name, rows);
  const guide = svg("line", { class: "guide", y1: EDGE.top, y2: FLOOR, visibility: "hidden" });
  const drawing = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    role: "img",
    "aria-label": spoken(name, rows.at(-1)),
  });
  drawing.append(...grid(scale), ...phases(rows, scale), guide);
  for (const [kind, prefix] of KINDS)
    drawing.append(
      ...curve(
        kind,
        rows.map((row) => row[prefix + name]),
        scale,
      ),
    );
  const values = KINDS.map(() => el("strong"));
  const epoch = el("span", { className: "epoch" });
  const legend = KINDS.map(([kind], place) =>
    el("span", { className: `key ${kind}` }, words(`curve.${kind}`), " ", values[place]),
  );
  const showValues = (place) => {
    epoch.replaceChildren(words(...phaseOf(rows[place])), ` ${rows[place].epoch}`);
    KINDS.forEach(([, prefix], which) => (values[which].textContent = figure(rows[place][prefix + name] ?? "–")));
  };
  drawing.onpointermove = ({ offsetX }) => {
    const place = scale.nearest((offsetX * WIDTH) / drawing.clientWidth);
    showValues(place);
    for (const end of ["x1", "x2"]) guide.setAttribute(end, scale.x(place));
    guide.setAttribute("visibility", "visible");
  };
  drawing.onpointerleave = () => {
    showValues(rows.length - 1);
    guide.setAttribute("visibility", "hidden");
  };
  showValues(rows.length - 1);
  return el(
    "figure",
    { className: "chart" },
    el("figcaption", {}, el("strong", {}, named(name)), epoch, ...legend),
    drawing,
  );
}

/** Where a place and a value are drawn, and which place is nearest to an x. */
function scaleOf(name, rows) {
  const values = rows.flatMap((row) => KINDS.map(([, prefix]) => row[prefix + name])).filter(Number.isFinite);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = high - low || 1;
  const last = Math.max(1, rows.length - 1);
  const width = WIDTH - EDGE.left - EDGE.right;
  return {
    marks: [low, low + span / 2, low + span],
    x: (place) => EDGE.left + width * (rows.length > 1 ? place / last : 0.5),
    y: (value) => EDGE.top + (FLOOR - EDGE.top) * (1 - (value - low) / span),
    nearest: (x) => Math.min(rows.length - 1, Math.max(0, Math.round(((x - EDGE.left) / width) * last))),
  };
}

const grid = ({ marks, y }) =>
  marks.flatMap((value) => [
    svg("line", { class: "grid", x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(value), y2: y(value) }),
    svg("text", { x: EDGE.left - 6, y: y(value) + 4, "text-anchor": "end" }, String(Number(value.toPrecision(2)))),
  ]);

/** The key of a phase's name, and what is shown where the page has no words for it. */
const phaseOf = ({ phase }) => [`phase.${phase}`, { otherwise: phase }];

/** Where phases begin, their names, and the numbers of the first and the last epoch. */
function phases(rows, { x }) {
  const drawn = rows.flatMap((row, place) => {
    if (place && row.phase === rows[place - 1].phase) return [];
    const line = svg("line", { class: "phase", x1: x(place), x2: x(place), y1: EDGE.top, y2: FLOOR });
    const name = svg("text", { x: x(place), y: HEIGHT - 4, "text-anchor": "middle" });
    say(name, ...phaseOf(row));
    return [...(place ? [line] : []), name];
  });
  const number = (place, anchor) =>
    svg("text", { x: x(place), y: FLOOR + 14, "text-anchor": anchor }, String(rows[place].epoch));
  return [...drawn, number(0, "middle"), ...(rows.length > 1 ? [number(rows.length - 1, "middle")] : [])];
}

function curve(kind, values, { x, y }) {
  const points = values.map((value, place) => [x(place), y(value)]).filter(([, height]) => Number.isFinite(height));
  const dots = points.length < MOST_DOTS ? points : [];
  return [
    svg("polyline", { class: kind, points: points.join(" ") }),
    ...dots.map(([cx, cy]) => svg("circle", { class: kind, cx, cy, r: 3 })),
  ];
}

/** The chart in a sentence, for those who do not see it. */
const spoken = (name, row) =>
  [name, ...KINDS.map(([kind, prefix]) => `${message(`curve.${kind}`)} ${figure(row[prefix + name] ?? "–")}`)].join(
    ", ",
  );

function svg(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
