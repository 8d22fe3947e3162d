/** A form made from the JSON schema of a family's hyperparameters: whatever a family has, it is here. */

import { el } from "./dom.js";
import { words } from "./language.js";

const LONG = 10_000; // characters from which a text gets a large field

/** The fields of a schema. */
export function fields(family, schema) {
  return Object.entries(schema.properties).map(([name, whole]) => {
    const kind = { ...whole, ...whole.anyOf?.find(({ type }) => type !== "null") };
    const input = control(name, kind);
    const description = el("small", {}, words(`hp.${family}.${name}`, { otherwise: plain(kind.description) }));
    return el("label", {}, el("code", {}, name), input, description);
  });
}

/** The wishes in a form that are no defaults. */
export function wishes(form, schema) {
  const given = {};
  for (const [name, { default: usual }] of Object.entries(schema.properties)) {
    const input = form.elements[name];
    const value = Array.isArray(usual) ? [input.value] : input.type === "number" ? input.valueAsNumber : input.value;
    if (input.value !== "" && value !== usual) given[name] = value;
  }
  return given;
}

/** Put wishes into a form; what they leave out gets its default. */
export function fill(form, schema, given) {
  for (const [name, { default: usual }] of Object.entries(schema.properties)) {
    form.elements[name].value = given[name] ?? usual ?? "";
  }
}

const plain = (description = "") => description.replaceAll("`", "");

function control(name, { type, enum: choices, items, default: usual, maxLength, ...bounds }) {
  if (items) return el("select", { name }, el("option", { value: "" }, "–"), el("option", { value: items.const }, items.const));
  if (choices) {
    const options = choices.map((choice) => el("option", { value: choice, selected: choice === usual }, choice));
    if (usual === undefined) options.unshift(el("option", { value: "" }, words("train.default")));
    return el("select", { name }, ...options);
  }
  if (maxLength > LONG) return el("textarea", { name, rows: 3, maxLength });
  const value = usual ?? "";
  if (type !== "integer" && type !== "number") return el("input", { name, value });
  const [min, max] = [bounds.minimum ?? bounds.exclusiveMinimum ?? "", bounds.maximum ?? bounds.exclusiveMaximum ?? ""];
  return el("input", { name, value, type: "number", min, max, step: type === "integer" ? "1" : "any" });
}
