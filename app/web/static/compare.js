/** Two versions on the same test: figures, where they agree, and what each takes for what. */

import { parts } from "./bars.js";
import { showSnippet } from "./code_snippets.js";
import { confusionTable } from "./confusion.js";
import { el, table, wide } from "./dom.js";
import { figure, hyperparameter, named } from "./figures.js";
import { words } from "./language.js";
import { fitserve } from "./service.js";
import { showingErrors } from "./error_notice.js";

/** A comparison of two versions of a model, made when it is opened and whenever others are chosen. */
export function comparison({ model, versions, serving }) {
  const newest = versions.findLast(({ version }) => version !== serving).version;
  const [one, other] = [choice(versions, serving), choice(versions, newest)];
  const place = el("div", { className: "compared", ariaLive: "polite" });
  const notice = el("p", { className: "error-notice", role: "alert", hidden: true });
  const block = el(
    "details",
    { className: "comparison" },
    el("summary", {}, words("models.compare")),
    el("div", { className: "row" }, labelled("models.this", one), labelled("models.that", other)),
    notice,
    place,
  );
  let latest = 0; // answers about versions that are no longer chosen are dropped
  const compare = () =>
    showingErrors(block, async () => {
      const mine = ++latest;
      place.replaceChildren();
      const pair = [one, other].map(({ value }) => Number(value));
      const found = await fitserve.compare(model, ...pair);
      if (mine !== latest) return;
      place.replaceChildren(
        ...compared(
          found,
          pair.map((number) => versions.find(({ version }) => version === number)),
        ),
      );
      showSnippet({
        method: "GET",
        path: `/models/${model}/compare?versions=${pair}`,
        javascript: `compare("${model}", ${pair.join(", ")})`,
      });
    });
  one.onchange = other.onchange = compare;
  block.ontoggle = () => block.open && compare();
  return block;
}

const choice = (versions, chosen) =>
  el(
    "select",
    {},
    ...versions.map(({ version }) => el("option", { value: version, selected: version === chosen }, String(version))),
  );

const labelled = (key, select) => el("label", { className: "inline" }, words(key), select);

function compared(found, summaries) {
  const { versions, labels, metrics, confusion, agreement, same_test: sameTest } = found;
  const known = versions.filter((one) => confusion[one]);
  const matrices = known.map((one) => confusionTable(labels, confusion[one], words("models.matrix", { version: one })));
  const untested = versions.find((one) => !Object.keys(metrics[one]).length);
  const why = untested ? words("models.untested", { version: untested }) : words("models.other_test");
  const note = sameTest ? [] : [el("p", { className: "bad" }, why)];
  const unknown = sameTest && labels.length ? [el("p", { className: "note" }, words("models.no_guesses"))] : [];
  return [
    ...note,
    wide("models.compare", differences(found, summaries)),
    ...(agreement ? agreed(versions, agreement) : unknown),
    el("div", { className: "columns" }, ...matrices),
  ];
}

/** The figures of both, and the hyperparameters in which they differ. */
function differences({ versions, metrics, same_test: sameTest }, summaries) {
  const names = (tables) => [...new Set(tables.flatMap((one) => Object.keys(one)))];
  const text = (value) => (value === undefined || value === null ? "–" : figure(value));
  const [left, right] = versions.map((one) => metrics[one]);
  const figures = names([left, right]).map((name) => {
    const change = sameTest && name in left && name in right ? right[name] - left[name] : null;
    const sign = change > 0 ? "+" : "";
    return [named(name), text(left[name]), text(right[name]), change === null ? "" : sign + figure(change)];
  });
  const values = summaries.map(({ hyperparameters }) => hyperparameters);
  const chosen = names(values)
    .filter((name) => text(values[0][name]) !== text(values[1][name]))
    .map((name) => [hyperparameter(name), ...values.map((one) => text(one[name])), ""]);
  return table(
    ["", ...versions.map((version) => words("models.numbered", { version })), words("models.change")],
    [...figures, ...chosen],
  );
}

/** On how many examples both are right, one alone, or neither. */
function agreed(versions, { examples, both_right: right, both_wrong: wrong, only_right: only, disagreements }) {
  return [
    el("h4", {}, words("models.agreement")),
    parts([
      [words("models.both_right"), right, right],
      ...versions.map((version) => [words("models.only_right", { version }), only[version], only[version]]),
      [words("models.both_wrong"), wrong, wrong],
    ]),
    el("p", { className: "note" }, words("models.disagree", { disagreements, examples })),
  ];
}
