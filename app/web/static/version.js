/** A version in detail: where it comes from, what it is worth, and its files. */

import { copyOnClick } from "./code_snippets.js";
import { button, el, table } from "./dom.js";
import { evaluation } from "./evaluation.js";
import { bytes, clock, figure, hyperparameter } from "./figures.js";
import { words } from "./language.js";
import { save } from "./pictures.js";
import { confirmAction } from "./confirm_action.js";
import { fitserve } from "./service.js";

const CARD = "version.json";

/** Show it in a place; `renew` is for when it has been deleted. */
export async function versionDetails(place, model, version, live, renew) {
  const card = await fitserve.version(model, version);
  const notice = el("p", { className: "error-notice", role: "alert", hidden: true });
  place.replaceChildren(
    el("h4", {}, words("version.files")),
    el("div", { className: "row" }, ...files(card)),
    el("h4", {}, words("version.made")),
    origin(card),
    el("div", { className: "row" }, ...actions(place, card, live, renew)),
    notice,
    ...(await evaluation(model, version)),
  );
}

function files({ model, version, files: sums }) {
  const download = async (name) => save(await fitserve.file(model, version, name), `${model}-${version}-${name}`);
  const sizes = [...Object.entries(sums).map(([name, { size }]) => [name, bytes(size)]), [CARD, ""]];
  return sizes.map(([name, size]) =>
    el(
      "button",
      { type: "button", className: "link", onclick: () => download(name) },
      `${name} `,
      el("small", {}, size),
    ),
  );
}

function origin({ command, data, parameters, training_seconds: seconds, hyperparameters }) {
  const known = (key, value, shown) => (value === null ? [] : [[words(key), shown(value)]]);
  const copy = el("button", { type: "button" }, words("copy"));
  copyOnClick(copy, () => command);
  return table(
    [],
    [
      [words("version.command"), el("span", { className: "row" }, el("code", {}, command), copy)],
      ...known("version.data", data, ({ name, examples }) =>
        words("version.examples", { name, examples: examples.toLocaleString("en") }),
      ),
      ...known("version.parameters", parameters, (number) => number.toLocaleString("en")),
      ...known("version.took", seconds || null, clock),
      ...Object.entries(hyperparameters).map(([name, value]) => [hyperparameter(name), figure(value)]),
    ],
  );
}

function actions(place, { model, version }, live, renew) {
  const path = `/models/${model}/versions/${version}`;
  const again = () => ({
    question: "version.sure_again",
    values: { model, version },
    action: "version.do_again",
    act: () => fitserve.reproduce(model, version),
    call: { method: "POST", path: `${path}/reproduce`, javascript: `reproduce("${model}", ${version})` },
  });
  const remove = () => ({
    question: "version.sure_delete",
    values: { model, version },
    action: "version.do_delete",
    act: () => fitserve.delete(model, version),
    call: { method: "DELETE", path, javascript: `delete("${model}", ${version})` },
  });
  const queued = () => place.prepend(el("p", { role: "status" }, el("a", { href: "#train" }, words("version.queued"))));
  const removal = live ? [] : [confirmAction("version.delete", place, remove, renew)];
  return [confirmAction("version.again", place, again, queued), ...removal];
}
