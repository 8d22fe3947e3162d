/** A text, continued word by word. */

import { bars } from "./bars.js";
import { copyOnClick, showSnippet } from "./code_snippets.js";
import { el, find } from "./dom.js";
import { say, words } from "./language.js";
import { fitserve } from "./service.js";
import { showError } from "./error_notice.js";

const ALTERNATIVES = 5;
const FAMILY = "text";
const NUMBERS = ["next_words", "temperature", "top_k", "top_p", "seed"];
const LINE_END = "⏎";

/** Whether no earlier choice reads the same: pieces of different words may. */
const isFirst = ({ word }, place, choices) => choices.findIndex((other) => other.word === word) === place;

export function startText(section) {
  const form = find("form", section);
  let running = null;
  form.onsubmit = async (event) => {
    event.preventDefault();
    if (running) return;
    running = new AbortController();
    await write(section, form, running.signal);
    running = null;
  };
  find(".stop", form).onclick = () => running?.abort();
  copyOnClick(find(".copy", section), () => find(".told", section).textContent);
}

/** Have what is in the form continued, and show each word as it comes. */
async function write(section, form, signal) {
  const state = find(".state", section);
  const asked = requestOf(form);
  begin(section, form, asked);
  try {
    for await (const { event, data } of fitserve.stream({ ...asked, alternatives: ALTERNATIVES }, { signal })) {
      if (event === "word") find(".told", section).append(" ", wordOf(section, data));
      else sayHow(state, data);
    }
  } catch (fault) {
    say(state, fault.name === "AbortError" ? "text.stopped" : "text.failed");
    showError(form, fault);
  } finally {
    for (const node of [form, find(".told", section)]) node.classList.remove("running");
  }
}

function begin(section, form, asked) {
  const told = find(".told", section);
  for (const node of [form, told]) node.classList.add("running");
  showError(form);
  told.replaceChildren(asked.seed_text);
  find(".others", section).replaceChildren();
  find(".after", section).hidden = false;
  say(find(".state", section), "text.writing");
  told.scrollIntoView({ block: "nearest" }); // on a phone it is below what is seen
  showSnippet({ method: "POST", path: "/generate", json: asked, javascript: `generate(${JSON.stringify(asked)})` });
}

/** A word that shows, when it is clicked, what else could have come. */
function wordOf(section, step) {
  const one = el("button", { type: "button", className: "word", textContent: step.word, ariaPressed: "false" });
  one.onclick = () => {
    for (const other of one.parentNode.querySelectorAll(".word")) other.ariaPressed = String(other === one);
    showChoices(find(".others", section), step);
  };
  return one;
}

/** Whenever the section is opened: offer the models that there are; the address may name the one to choose. */
export async function openText(section, signal, wanted) {
  const choose = find("[name=model]", section);
  const models = await fitserve.models().catch((fault) => void showError(find("form", section), fault));
  if (!models || signal.aborted) return;
  const chosen = wanted || choose.value || "lstm";
  const options = models
    .filter(({ family }) => family === FAMILY)
    .map(({ model, serving }) =>
      el("option", { value: model, selected: model === chosen, disabled: serving === null }, model),
    );
  choose.replaceChildren(...options);
}

function requestOf(form) {
  const given = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
  for (const name of NUMBERS) if (name in given) given[name] = Number(given[name]);
  return { seed_text: "", ...given };
}

/** How a text ended, what the model did not know of its beginning, and the seed with which it comes again. */
function sayHow(place, { seed_text: begun, words: written, ignored_words: ignored, unknown_scripts: scripts, ...rest }) {
  const parts = [words(written.length ? "text.done" : `text.nothing.${rest.stopped}`)];
  if (scripts.length) parts.push(el("span", {}, words("text.scripts"), " ", ...listed(scripts)));
  if (ignored.length) parts.push(words("text.ignored", { words: ignored.join(", ") }));
  if (begun.trim() && rest.from_line_start) parts.push(words("text.fresh"));
  if (rest.seed !== null) parts.push(words("text.again", { seed: rest.seed }));
  delete place.dataset.t;
  place.replaceChildren(...parts.flatMap((part) => [part, " "]).slice(0, -1));
}

const listed = (scripts) =>
  scripts.flatMap((name) => [", ", words(`script.${name}`, { otherwise: name })]).slice(1);

/** What could have come in place of a word, likeliest first; the word itself stands out. */
function showChoices(place, step) {
  const choices = [step, ...step.alternatives]
    .filter(isFirst)
    .sort((one, other) => other.probability - one.probability);
  const rows = choices.map(({ word, probability }) => [word || LINE_END, probability]);
  place.replaceChildren(
    el("h3", {}, words("text.others", { word: step.word || LINE_END })),
    bars(rows, step.word || LINE_END),
  );
  place.scrollIntoView({ block: "nearest" });
}
