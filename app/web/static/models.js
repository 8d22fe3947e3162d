/** Which versions there are, which one answers, and how to change that. */

import { comparison } from "./compare.js";
import { button, el, find, wide } from "./dom.js";
import { figure, moment, named } from "./figures.js";
import { words } from "./language.js";
import { promote, rollback } from "./changing.js";
import { fitserve } from "./service.js";
import { traffic } from "./traffic.js";
import { trouble, trying } from "./trouble.js";
import { versionDetails } from "./version.js";

export async function openModels(section, signal) {
  const place = find(".models", section);
  place.replaceChildren(el("p", { className: "note" }, words("loading")));
  await trying(section, async () => {
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
      el("header", { className: "row" }, el("h3", {}, name), who(summary), ...(back ? [rollback(card, name, aliases.previous, renew)] : [])),
      el("p", { className: "trouble", role: "alert", hidden: true }),
      ...Object.entries(faults).map(([version, reason]) =>
        el("p", { className: "bad" }, words("models.fault", { version, reason })),
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

function versionTable(card, { model, serving, versions }, renew) {
  const metrics = [...new Set(versions.flatMap((one) => Object.keys(one.metrics)))];
  const heads = [words("models.version"), words("models.created"), ...metrics.map(named), ""];
  const rows = versions.toReversed().flatMap((one) => versionRows(card, model, one, one.version === serving, metrics, renew));
  const head = el("thead", {}, el("tr", {}, ...heads.map((one) => el("th", { scope: "col" }, one))));
  return wide("models.versions", el("table", { className: "versions" }, head, el("tbody", {}, ...rows)));
}

/** A column's head once more, for where the columns stand below each other. */
const headed = (name) => el("span", { className: "head" }, named(name));

/** A row for a version, and one below for its details, which is empty until they are asked for. */
function versionRows(card, model, { version, created, metrics }, live, names, renew) {
  const details = el("td", { colSpan: names.length + 3 });
  const below = el("tr", { className: "details", hidden: true }, details);
  const more = button("models.details", async () => {
    below.hidden = !below.hidden;
    more.ariaExpanded = String(!below.hidden);
    if (!below.hidden) await trying(card, () => versionDetails(details, model, version, live, renew));
  });
  more.ariaExpanded = "false";
  const badge = live ? [" ", el("span", { className: "badge" }, words("models.live"))] : [];
  const row = el(
    "tr",
    { className: live ? "live" : "" },
    el("th", { scope: "row" }, String(version), ...badge),
    el("td", {}, moment(created)),
    ...names.map((name) => el("td", {}, headed(name), name in metrics ? figure(metrics[name]) : "–")),
    el("td", { className: "do" }, ...(live ? [] : [promote(card, model, version, renew)]), more),
  );
  return [row, below];
}
