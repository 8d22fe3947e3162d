/** Which versions there are, which one answers, and how to change that. */

import { button, confirmed, el, figure, find, save, trouble } from "./dom.js";
import { tell } from "./calls.js";
import { words } from "./language.js";
import { fitserve } from "./service.js";

export async function openModels(section) {
  trouble(section);
  try {
    const models = await fitserve.models();
    find(".models", section).replaceChildren(...models.map((model) => modelCard(section, model)));
  } catch (fault) {
    trouble(section, fault);
  }
}

function modelCard(section, { model, family, serving, aliases, versions, faults }) {
  const serves = serving === null ? words("models.none", { model }) : words("models.serving", { version: serving });
  const parts = [el("h3", {}, model), el("p", {}, serves)];
  if (serving === null) parts.push(el("p", {}, el("a", { href: "#train" }, words("models.train", { family }))));
  if (aliases.previous && aliases.previous !== aliases.live) {
    const call = { method: "POST", path: `/models/${model}/rollback`, javascript: `rollback("${model}")` };
    const back = () => fitserve.rollback(model);
    parts.push(button("models.rollback", () => change(section, call, back, "models.sure_rollback", { model, version: aliases.previous })));
  }
  if (versions.length) parts.push(versionTable(section, model, serving, versions));
  if (versions.length > 1) parts.push(comparison(versions));
  for (const [version, reason] of Object.entries(faults)) {
    parts.push(el("p", { className: "bad" }, words("models.fault", { version, reason })));
  }
  return el("article", { id: `model-${model}` }, ...parts);
}

function versionTable(section, model, serving, versions) {
  const names = [...new Set(versions.flatMap(({ metrics }) => Object.keys(metrics)))];
  const heads = [words("models.version"), words("models.created"), ...names, ""].map((head) => el("th", { scope: "col" }, head));
  const rows = versions.toReversed().map(({ version, created, metrics }) => {
    const live = version === serving;
    const cells = names.map((name) => el("td", {}, name in metrics ? figure(metrics[name]) : "–"));
    const actions = [el("div", { className: "files" })];
    actions.unshift(button("models.files", () => listFiles(actions.at(-1), model, version)));
    if (!live) actions.unshift(button("models.promote", () => promote(section, model, version)));
    return el(
      "tr",
      { className: live ? "live" : "" },
      el("th", { scope: "row" }, String(version), live ? el("span", { className: "badge" }, words("models.live")) : ""),
      el("td", {}, new Date(created).toLocaleDateString()),
      ...cells,
      el("td", {}, ...actions),
    );
  });
  const table = el("table", {}, el("tr", {}, ...heads), ...rows);
  return el("div", { className: "wide", tabIndex: 0, role: "region", ariaLabel: model }, table);
}

function promote(section, model, version) {
  const call = {
    method: "PUT",
    path: `/models/${model}/aliases/live`,
    json: { version },
    javascript: `promote("${model}", ${version})`,
  };
  return change(section, call, () => fitserve.promote(model, version), "models.sure_promote", { model, version });
}

async function change(section, call, act, question, values) {
  if (!(await confirmed(question, values))) return;
  try {
    await act();
    tell(call);
    await openModels(section);
  } catch (fault) {
    trouble(section, fault);
  }
}

async function listFiles(place, model, version) {
  const { files } = await fitserve.version(model, version);
  const download = async (name) => save(await fitserve.file(model, version, name), `${model}-${version}-${name}`);
  const links = [...Object.keys(files), "version.json"].map((name) =>
    el("button", { type: "button", className: "link", onclick: () => download(name) }, name),
  );
  place.replaceChildren(...links);
}

/** Two versions side by side: their figures, and which of their hyperparameters differ. */
function comparison(versions) {
  const choose = (chosen) =>
    el("select", {}, ...versions.map(({ version }) => el("option", { value: version, selected: version === chosen.version }, String(version))));
  const [one, other] = [choose(versions.at(-2)), choose(versions.at(-1))];
  const place = el("div", { className: "wide", tabIndex: 0, role: "region", ariaLabel: "comparison" });
  one.onchange = other.onchange = () => {
    const sides = [one, other].map(({ value }) => versions.find(({ version }) => version === Number(value)));
    place.replaceChildren(sideBySide(...sides));
  };
  one.onchange();
  const labelled = (key, select) => el("label", {}, words(key), " ", select);
  return el("details", {}, el("summary", {}, words("models.compare")), labelled("models.this", one), " ", labelled("models.that", other), place);
}

function sideBySide(one, other) {
  const row = (name, left, right, change = "") =>
    el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, left), el("td", {}, right), el("td", {}, change));
  const text = (value) => (value === undefined || value === null ? "–" : figure(value));
  const names = (field) => [...new Set([...Object.keys(one[field]), ...Object.keys(other[field])])];
  const figures = names("metrics").map((name) => {
    const [left, right] = [one.metrics[name], other.metrics[name]];
    const known = left !== undefined && right !== undefined;
    return row(name, text(left), text(right), known ? `${right >= left ? "+" : "−"}${figure(Math.abs(right - left))}` : "");
  });
  const chosen = names("hyperparameters")
    .filter((name) => text(one.hyperparameters[name]) !== text(other.hyperparameters[name]))
    .map((name) => row(name, text(one.hyperparameters[name]), text(other.hyperparameters[name])));
  return el("table", {}, row("", String(one.version), String(other.version), words("models.change")), ...figures, ...chosen);
}
