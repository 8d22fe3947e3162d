/** How the requests of a model are shared between two of its versions, and how to change that. */

import { parts } from "./bars.js";
import { el } from "./dom.js";
import { words } from "./language.js";
import { changing } from "./changing.js";
import { fitserve } from "./service.js";

const WHOLE = 100;
const TRIAL = 10; // percent that a version on trial gets at first

/** Who gets what share now, a form to change it, and a way to end it. */
export function traffic(card, summary, renew) {
  const shares = Object.entries(summary.traffic).filter(([version]) => Number(version));
  const total = shares.reduce((sum, [, weight]) => sum + weight, 0);
  const shared = shares.length > 1;
  const now = shares.map(([version, weight]) => {
    const share = (WHOLE * weight) / total;
    return [words("models.numbered", { version }), weight, `${Number(share.toFixed(1))} %`];
  });
  return el(
    "details",
    { className: "traffic", open: shared },
    el("summary", {}, words(shared ? "traffic.shared" : "traffic.share")),
    ...(shared ? [parts(now)] : [el("p", { className: "note" }, words("traffic.explained"))]),
    form(card, summary, shares, renew),
    ...(shared ? [end(card, summary, renew)] : []),
  );
}

function form(card, { model, serving, versions }, shares, renew) {
  const others = versions.map(({ version }) => version).filter((version) => version !== serving);
  const [trial, weight] = shares.find(([version]) => Number(version) !== serving) ?? [others.at(-1), TRIAL];
  const options = others.map((version) => el("option", { value: version, selected: version === Number(trial) }, String(version)));
  const other = el("select", {}, ...options);
  const share = el("input", { type: "range", min: 1, max: WHOLE - 1, value: weight });
  const shown = el("output");
  share.oninput = () => (shown.textContent = `${share.value} %`);
  share.oninput();
  const wish = () => sharing(model, { [serving]: WHOLE - share.valueAsNumber, [other.value]: share.valueAsNumber });
  return el(
    "div",
    { className: "row" },
    el("label", { className: "inline" }, words("models.version"), other),
    el("label", { className: "inline" }, words("traffic.gets"), share, shown),
    changing("traffic.set", card, wish, renew),
  );
}

const sharing = (model, weights) => ({
  question: "traffic.sure_set",
  values: { model, weights: Object.entries(weights).map(([version, weight]) => `${version}: ${weight} %`).join(", ") },
  act: () => fitserve.splitTraffic(model, weights),
  call: {
    method: "PUT",
    path: `/models/${model}/traffic`,
    json: weights,
    javascript: `splitTraffic("${model}", ${JSON.stringify(weights)})`,
  },
});

function end(card, { model, serving }, renew) {
  const wish = () => ({
    question: "traffic.sure_end",
    values: { model, version: serving },
    act: () => fitserve.endSplit(model),
    call: { method: "DELETE", path: `/models/${model}/traffic`, javascript: `endSplit("${model}")` },
  });
  return changing("traffic.end", card, wish, renew);
}
