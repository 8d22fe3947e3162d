/** Which versions there are, which one answers, and how to change that. */

import { showSnippet } from "./code_snippets.js";
import { comparison } from "./compare.js";
import { button, el, find, wide } from "./dom.js";
import { figure, moment, named } from "./figures.js";
import { sentence, words } from "./language.js";
import { promote, removal, rollback } from "./confirm_action.js";
import { fitserve } from "./service.js";
import { traffic } from "./traffic.js";
import { showingErrors } from "./error_notice.js";
import { versionDetails } from "./version.js";

const LIVE = "live";

export async function openModels(section, signal) {
  const place = find(".models", section);
  place.replaceChildren(el("p", { className: "note" }, words("loading")));
  await showingErrors(section, async () => {
    const models = await fitserve.models();
    if (!signal.aborted) place.replaceChildren(...models.map(modelCard));
  });
}

/** A model: who answers, its versions, and what can be done with them. */
function modelCard(model) {
  const card = el("article", { id: `model-${model.model}`, className: "panel", tabIndex: -1 });
  const renew = async () => {
    card.replaceChildren(...contents(await fitserve.model(model.model)));
    card.focus(); // the button that had it is gone
  };
  function contents(summary) {
    const { model: name, serving, aliases, versions, faults } = summary;
    const back = aliases.previous && aliases.previous !== aliases.live;
    return [
      el(
        "header",
        { className: "row" },
        el("h3", {}, name),
        who(summary),
        ...(serving === null ? [] : [bringing(card, name, renew)]),
        ...(back ? [rollback(card, name, aliases.previous, renew)] : []),
        ...(summary.built_in ? [] : [removal(card, name, () => card.remove())]),
      ),
      el("p", { className: "error-notice", role: "alert", hidden: true }),
      ...Object.entries(faults).map(([version, reason]) =>
        el("p", { className: "bad" }, words("models.fault", { version }), " ", sentence(reason)),
      ),
      ...(versions.length ? [versionTable(card, summary, renew)] : []),
      ...(serving !== null && versions.length > 1 ? [traffic(card, summary, renew), comparison(summary)] : []),
    ];
  }
  card.append(...contents(model));
  return card;
}

function who({ model, family, serving }) {
  if (serving !== null) return el("span", { className: "note" }, words("models.serving", { version: serving }));
  const train = el("a", { href: "#train" }, words("models.train", { family }));
  return el("span", { className: "bad" }, words("models.none", { model }), " ", train);
}

/** A file that becomes a version like the live one. */
function bringing(card, model, renew) {
  const input = el("input", { type: "file", accept: ".keras,.onnx" });
  input.onchange = async () => {
    const [file] = input.files;
    const went = await showingErrors(card, async () => {
      await fitserve.importVersion(model, file);
      await renew();
    });
    input.value = "";
    const path = `/models/${model}/import`;
    if (went) showSnippet({ method: "POST", path, file: file.name, javascript: `importVersion("${model}", file)` });
  };
  return el("label", { className: "button" }, words("models.import"), input);
}

function versionTable(card, { model, serving, aliases, versions }, renew) {
  const metrics = [...new Set(versions.flatMap((one) => Object.keys(one.metrics)))];
  const heads = [words("models.version"), words("models.created"), ...metrics.map(named), ""];
  const rows = versions.toReversed().flatMap((one) => {
    const others = Object.keys(aliases).filter((alias) => alias !== LIVE && aliases[alias] === one.version);
    return versionRows(card, model, { ...one, aliases: others }, one.version === serving, metrics, renew);
  });
  const head = el("thead", {}, el("tr", {}, ...heads.map((one) => el("th", { scope: "col" }, one))));
  return wide("models.versions", el("table", { className: "versions" }, head, el("tbody", {}, ...rows)));
}

/** A column's head once more, for where the columns stand below each other. */
const headed = (name) => el("span", { className: "head" }, named(name));

/** A row for a version, and one below for its details, which is empty until they are asked for. */
function versionRows(card, model, { version, created, metrics, aliases }, live, names, renew) {
  const details = el("td", { colSpan: names.length + 3 });
  const below = el("tr", { className: "details", hidden: true }, details);
  const more = button("models.details", async () => {
    below.hidden = !below.hidden;
    more.ariaExpanded = String(!below.hidden);
    if (!below.hidden) await showingErrors(card, () => versionDetails(details, model, version, live, renew));
  });
  more.ariaExpanded = "false";
  const badges = aliases.map((alias) => el("span", { className: "badge alias" }, alias));
  if (live) badges.unshift(el("span", { className: "badge" }, words("models.live")));
  const row = el(
    "tr",
    { className: live ? "live" : "" },
    el("th", { scope: "row" }, `${version} `, ...badges),
    el("td", {}, moment(created)),
    ...names.map((name) => el("td", {}, headed(name), name in metrics ? figure(metrics[name]) : "–")),
    el("td", { className: "do" }, ...(live ? [] : [promote(card, model, version, renew)]), more),
  );
  return [row, below];
}
