/** Ask for a training: the form of each family comes from the OpenAPI document. */

import { showSnippet } from "./code_snippets.js";
import { button, el, find } from "./dom.js";
import { fields, fill, formValues, point } from "./form.js";
import { listJobs } from "./jobs.js";
import { words } from "./language.js";
import { fitserve } from "./service.js";
import { showingErrors } from "./error_notice.js";
import { watch } from "./watch.js";

const PATH = /^\/train\/(\w+)$/;
const FORM = "multipart/form-data";
const FIRST = "digit"; // the quickest to learn

let chosen; // the family whose form is shown

export function startTrain(section) {
  const form = find("form", section);
  form.onsubmit = async (event) => {
    event.preventDefault();
    const start = find(".go", form);
    start.disabled = true;
    await showingErrors(form, () => ask(form));
    start.disabled = false;
  };
}

/** Whenever the section is opened; `job` comes from the address, so that a reload goes on where one was. */
export async function openTrain(section, signal, job) {
  find(".new", section).open = !job;
  find(".watch", section).hidden = true;
  listJobs(section, signal, job);
  if (!chosen) await showingErrors(section, async () => showFamilies(section, await fitserve.openapi()));
  if (job) await showingErrors(section, () => watch(find(".watch", section), job, signal));
}

function showFamilies(section, document) {
  const families = familiesOf(document);
  const choose = find(".family", section);
  choose.replaceChildren(
    ...families.map(({ name, title }) => el("option", { value: name }, words(`family.${name}`, { otherwise: title }))),
  );
  choose.onchange = () => {
    chosen = families.find(({ name }) => name === choose.value);
    showForm(find("form", section), chosen, families);
  };
  if (families.some(({ name }) => name === FIRST)) choose.value = FIRST;
  choose.onchange();
}

/** What can be trained: the schema of each family's hyperparameters, examples, and whether it takes a file. */
function familiesOf({ paths, components }) {
  return Object.entries(paths).flatMap(([path, { post }]) => {
    const [, name] = PATH.exec(path) ?? [];
    if (!name) return [];
    const { [FORM]: form, ...others } = post.requestBody.content;
    const examples = others["application/json"].examples ?? {};
    const file = form?.schema.properties.file;
    return [{ name, title: post.summary, schema: components.schemas[`Train_${name}`], examples, file }];
  });
}

function showForm(form, family, families) {
  find(".fields", form).replaceChildren(...fields(family, families));
  const presets = Object.entries(family.examples).map(([example, { value }]) =>
    button(`train.example.${example}`, () => fill(form, family.schema, value)),
  );
  find(".presets", form).replaceChildren(...presets);
  find(".go", form).disabled = false; // there is something to start only now
}

/** Ask for what is in the form and go to the job; what the service complains about is pointed at. */
async function ask(form) {
  const { name, schema } = chosen;
  const { hyperparameters, file } = formValues(form, schema);
  try {
    const { id } = await fitserve.train(name, hyperparameters, { file });
    location.hash = `train/${id}`;
  } catch (fault) {
    point(form, fault.problem?.errors ?? []);
    throw fault;
  }
  const rest = file ? ", { file }" : "";
  showSnippet({
    method: "POST",
    path: `/train/${name}`,
    ...(file ? { file: file.name, fields: hyperparameters } : { json: hyperparameters }),
    javascript: `train("${name}", ${JSON.stringify(hyperparameters)}${rest})`,
  });
}
