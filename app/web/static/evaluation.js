/** What a version is worth: its figures, what it takes for what, and where it was most surely wrong. */

import { confusionTable } from "./confusion.js";
import { el } from "./dom.js";
import { figure, named, percent } from "./figures.js";
import { sentence, words } from "./language.js";
import { show } from "./pictures.js";
import { promote } from "./confirm_action.js";
import { fitserve } from "./service.js";

const TRIALS = { digit: () => "digit", cifar: () => "photo", text: (model) => `text/${model}` };
const EVALUATION = "evaluation.json";

/** What came out of a job: the version, whether it answers now and why, and what it is worth. */
export async function outcome(place, { model, version, promoted, reason }) {
  const notice = el("p", { className: "error-notice", role: "alert", hidden: true });
  const head = el("h3", {}, words(promoted ? "train.promoted" : "train.published", { model, version }));
  const act = promoted
    ? []
    : [promote(place, model, version, () => outcome(place, { model, version, promoted: true }))];
  const next = promoted ? await trial(model) : [];
  place.replaceChildren(
    head,
    ...(reason ? [el("p", { className: "note" }, sentence(reason))] : []),
    el("div", { className: "row" }, ...next, ...act, el("a", { href: "#models" }, words("train.all_versions"))),
    notice,
    ...(await evaluation(model, version)),
  );
}

/** Where a model is tried, if this page has a place for its family. */
async function trial(model) {
  const place = TRIALS[(await fitserve.model(model)).family]?.(model);
  return place ? [el("a", { className: "button go", href: `#${place}` }, words("train.try"))] : [];
}

/** The evaluation of a version, as elements. */
export async function evaluation(model, version) {
  const { metrics, files, diverged } = await fitserve.version(model, version);
  return [...astray(diverged), ...(await tested(model, version, metrics, files))];
}

/** How a training diverged, if it did. */
function astray(diverged) {
  if (!diverged) return [];
  return [el("p", { className: "bad" }, words("train.diverged"), " ", sentence(diverged))];
}

async function tested(model, version, metrics, files) {
  if (!files[EVALUATION]) return [el("p", { className: "note" }, words("models.untested", { version }))];
  const written = JSON.parse(await (await fitserve.file(model, version, EVALUATION)).text());
  const pictures = el("div", { className: "columns" });
  if (written.confusion) pictures.append(confusionTable(Object.keys(written.labels), written.confusion));
  if (written.mistakes) pictures.append(await worst(model, version, written.mistakes));
  return [tiles(metrics), pictures];
}

/** Figures, each with its name above. */
function tiles(metrics) {
  const all = Object.entries(metrics).map(([name, value]) =>
    el("div", {}, el("dt", {}, named(name)), el("dd", {}, figure(value))),
  );
  return el("dl", { className: "tiles" }, ...all);
}

async function worst(model, version, mistakes) {
  if (!mistakes.length) return el("p", { className: "note" }, words("train.no_mistakes"));
  const told = mistakes.map(({ truth, guess, confidence }) => `${truth}: ${guess} (${percent(confidence)})`);
  const image = el("img", { alt: told.join(", ") });
  show(image, await fitserve.file(model, version, "mistakes.png"));
  return el("figure", {}, el("figcaption", {}, words("train.mistakes")), image);
}
