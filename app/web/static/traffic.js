/** Another version tried out on real requests: with a share of them, or in the shadow; and how to change that. */

import { parts } from "./bars.js";
import { confirmAction } from "./confirm_action.js";
import { el } from "./dom.js";
import { words } from "./language.js";
import { fitserve } from "./service.js";

const WHOLE = 100;
const TRIAL = 10; // percent that a version on trial gets at first
const UNCOMPARED = "text"; // a family whose answers have no label: no shadow
const OUTCOMES = ["agreed", "differed", "failed", "skipped"];

/** Who gets what now, a form to change it, and ways to end it. */
export function traffic(card, summary, renew) {
  const shares = Object.entries(summary.traffic).filter(([version]) => Number(version));
  const shared = shares.length > 1;
  const { shadow } = summary;
  const title = shared ? words("traffic.shared") : shadow ? words("traffic.shadowed") : words("traffic.try");
  return el(
    "details",
    { className: "traffic", open: shared || Boolean(shadow) },
    el("summary", {}, title),
    ...(shared ? [divided(shares), endOfSharing(card, summary, renew)] : []),
    ...(shadow ? [inTheShadow(shadow), endOfShadow(card, summary, renew)] : []),
    ...(shared || shadow ? [] : [el("p", { className: "note" }, words("traffic.explained"))]),
    form(card, summary, shares, renew),
  );
}

function divided(shares) {
  const total = shares.reduce((sum, [, weight]) => sum + weight, 0);
  const share = (weight) => `${Number(((WHOLE * weight) / total).toFixed(1))} %`;
  return parts(shares.map(([version, weight]) => [words("models.numbered", { version }), weight, share(weight)]));
}

function inTheShadow({ version, counts }) {
  const told = OUTCOMES.map((outcome) => [words(`traffic.${outcome}`), counts[outcome], counts[outcome]]);
  return el("div", { className: "shadow" }, el("p", {}, words("traffic.shadow", { version })), parts(told));
}

function form(card, summary, shares, renew) {
  const { model, family, serving, versions } = summary;
  const others = versions.map(({ version }) => version).filter((version) => version !== serving);
  const [trial, weight] = shares.find(([version]) => Number(version) !== serving) ?? [others.at(-1), TRIAL];
  const options = others.map((version) =>
    el("option", { value: version, selected: version === Number(trial) }, String(version)),
  );
  const other = el("select", {}, ...options);
  const share = el("input", { type: "range", min: 1, max: WHOLE - 1, value: weight });
  const shown = el("output");
  share.oninput = () => (shown.textContent = `${share.value} %`);
  share.oninput();
  const sharing = () =>
    splitAction(model, { [serving]: WHOLE - share.valueAsNumber, [other.value]: share.valueAsNumber });
  const shadow = () => shadowAction(model, Number(other.value));
  return el(
    "div",
    { className: "row" },
    el("label", { className: "inline" }, words("models.version"), other),
    el("label", { className: "inline" }, words("traffic.gets"), share, shown),
    confirmAction("traffic.set", card, sharing, renew),
    ...(family === UNCOMPARED ? [] : [confirmAction("traffic.set_shadow", card, shadow, renew)]),
  );
}

const splitAction = (model, weights) => ({
  question: "traffic.sure_set",
  values: {
    model,
    weights: Object.entries(weights)
      .map(([version, weight]) => `${version}: ${weight} %`)
      .join(", "),
  },
  action: "traffic.do_set",
  act: () => fitserve.splitTraffic(model, weights),
  call: {
    method: "PUT",
    path: `/models/${model}/traffic`,
    json: weights,
    javascript: `splitTraffic("${model}", ${JSON.stringify(weights)})`,
  },
});

const shadowAction = (model, version) => ({
  question: "traffic.sure_shadow",
  values: { model, version },
  action: "traffic.do_shadow",
  act: () => fitserve.promote(model, version, "shadow"),
  call: {
    method: "PUT",
    path: `/models/${model}/aliases/shadow`,
    json: { version },
    javascript: `promote("${model}", ${version}, "shadow")`,
  },
});

function endOfSharing(card, { model, serving }, renew) {
  const describe = () => ({
    question: "traffic.sure_end",
    values: { model, version: serving },
    action: "traffic.do_end",
    act: () => fitserve.endSplit(model),
    call: { method: "DELETE", path: `/models/${model}/traffic`, javascript: `endSplit("${model}")` },
  });
  return confirmAction("traffic.end", card, describe, renew);
}

function endOfShadow(card, { model, shadow }, renew) {
  const describe = () => ({
    question: "traffic.sure_end_shadow",
    values: { model, version: shadow.version },
    action: "traffic.do_end_shadow",
    act: () => fitserve.removeAlias(model, "shadow"),
    call: {
      method: "DELETE",
      path: `/models/${model}/aliases/shadow`,
      javascript: `removeAlias("${model}", "shadow")`,
    },
  });
  return confirmAction("traffic.end_shadow", card, describe, renew);
}
