/** A form made from the JSON schema of a family's hyperparameters: whatever a family has, it is here. */

import { el } from "./dom.js";
import { hint, words } from "./language.js";

const LONG = 10_000; // characters from which a text gets a large field

const NAME = "model"; // what the result is called comes first

/** The fields of a family: its own first, then those that every family has. */
export function fields({ name: family, schema, file }, families) {
  const everywhere = (name) => families.every((other) => name in other.schema.properties);
  const place = (name) => (name === NAME ? -1 : Number(everywhere(name)));
  const own = Object.entries(schema.properties).sort(([one], [other]) => place(one) - place(other));
  const all = file ? [["file", file], ...own] : own;
  return all.map(([name, whole]) =>
    field(family, name, { ...whole, ...whole.anyOf?.find(({ type }) => type !== "null") }),
  );
}

/** What is in a form and no default, and the file if one was chosen. */
export function formValues(form, schema) {
  const hyperparameters = {};
  for (const [name, { default: usual }] of Object.entries(schema.properties)) {
    const input = form.elements[name];
    const value = Array.isArray(usual) ? [input.value] : input.type === "number" ? input.valueAsNumber : input.value;
    if (input.value !== "" && value !== usual) hyperparameters[name] = value;
  }
  return { hyperparameters, file: form.elements.file?.files[0] };
}

/** Put hyperparameters into a form; what they leave out gets its default. */
export function fill(form, schema, given) {
  for (const [name, { default: usual }] of Object.entries(schema.properties)) {
    form.elements[name].value = given[name] ?? usual ?? "";
  }
  if (form.elements.file) form.elements.file.value = "";
  point(form, []);
}

/** Mark the fields that the service complains about, and go to the first. */
export function point(form, errors) {
  const wrong = errors.flatMap(({ loc }) => loc.filter((name) => typeof name === "string" && form.elements[name]));
  for (const input of form.elements) input.ariaInvalid = wrong.includes(input.name) ? "true" : null;
  if (wrong.length) form.elements[wrong[0]].focus();
}

function field(family, name, kind) {
  const description = words(`hp.${family}.${name}`, { otherwise: (kind.description ?? "").replaceAll("`", "") });
  const bounds = range(kind);
  const note = el("small", {}, ...(bounds ? [el("span", { className: "bounds" }, bounds), " "] : []), description);
  return el(
    "label",
    { className: kind.maxLength > LONG ? "long" : "" },
    el("span", {}, words(`hp.${name}`, { otherwise: "" }), " ", el("code", {}, name)),
    control(name, kind),
    note,
  );
}

function control(name, kind) {
  const { type, format, enum: choices, items, default: usual, maxLength } = kind;
  if (items) return el("select", { name }, el("option", { value: "" }, "–"), el("option", { value: items.const }, items.const));
  if (format === "binary") return el("input", { name, type: "file" });
  if (choices) return choice(name, choices, usual);
  if (maxLength > LONG) return el("textarea", { name, rows: 3, maxLength });
  const input = el("input", { name, value: usual ?? "" });
  if (type !== "integer" && type !== "number") return input;
  if (usual === undefined) hint(input, "train.default");
  const [min, max] = limits(kind);
  return Object.assign(input, {
    type: "number",
    min: min ?? "",
    max: max ?? "",
    step: type === "integer" ? "1" : "any",
  });
}

function choice(name, choices, usual) {
  const options = choices.map((value) => el("option", { value, selected: value === usual }, value));
  if (usual === undefined) options.unshift(el("option", { value: "" }, words("train.default")));
  return el("select", { name }, ...options);
}

/** Least and greatest value; of whole numbers without those that are excluded. */
function limits({ type, minimum, maximum, exclusiveMinimum, exclusiveMaximum }) {
  const one = type === "integer" ? 1 : 0;
  return [
    minimum ?? (exclusiveMinimum === undefined ? undefined : exclusiveMinimum + one),
    maximum ?? (exclusiveMaximum === undefined ? undefined : exclusiveMaximum - one),
  ];
}

/** The limits in writing: 1 … 100, or > 0 … 1. */
function range(kind) {
  const [min, max] = limits(kind);
  if (min === undefined && max === undefined) return "";
  const open = kind.type === "number";
  const above = open && kind.exclusiveMinimum !== undefined ? "> " : "";
  const below = open && kind.exclusiveMaximum !== undefined ? "< " : "";
  return `${min === undefined ? "" : above + min} … ${max === undefined ? "" : below + max}`.trim();
}
