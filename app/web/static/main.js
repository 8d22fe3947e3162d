/** The page: one section at a time, chosen by the address, in one of two languages. */

import { startSnippets } from "./code_snippets.js";
import { startDigit } from "./digit.js";
import { el, find } from "./dom.js";
import { openHealth } from "./health.js";
import { loadLanguages, switchLanguage, words } from "./language.js";
import { openModels } from "./models.js";
import { openPhoto, startPhoto } from "./photo.js";
import { fitserve } from "./service.js";
import { openText, startText } from "./text.js";
import { openTrain, startTrain } from "./train.js";

const STARTED = { digit: startDigit, photo: startPhoto, text: startText, train: startTrain };
const OPENED = { photo: openPhoto, text: openText, train: openTrain, models: openModels, health: openHealth };
const sections = [...document.querySelectorAll("main > section")];
let opened = new AbortController();

/** Say which model a section lacks, and where to train one. */
async function lookForModels(section) {
  const notice = find(".missing", section);
  if (!notice) return;
  const needed = notice.dataset.models.split(" ");
  const models = await fitserve.models().catch(() => []);
  const missing = models.filter(({ model, serving }) => needed.includes(model) && serving === null);
  notice.hidden = !missing.length;
  notice.replaceChildren(
    ...missing.map(({ model, family }) =>
      el("p", {}, words("models.none", { model }), " ", el("a", { href: "#train" }, words("models.train", { family }))),
    ),
  );
}

const entitle = () => (document.title = `${find("main > section:not([hidden]) h2").textContent} · Fitserve`);

/** Open the section that the address names; what the one before it was doing ends. */
function open() {
  const [name, ...rest] = location.hash.slice(1).split("/");
  const chosen = sections.find(({ id }) => id === name) ?? sections[0];
  if (chosen.hidden) find("#call").hidden = true; // it was about another section
  opened.abort();
  opened = new AbortController();
  for (const section of sections) section.hidden = section !== chosen;
  for (const link of document.querySelectorAll("nav a")) {
    link.ariaCurrent = link.hash === `#${chosen.id}` ? "page" : null;
  }
  entitle();
  scrollTo(0, 0);
  lookForModels(chosen);
  OPENED[chosen.id]?.(chosen, opened.signal, ...rest);
}

await loadLanguages();
find(".language").onclick = () => {
  switchLanguage();
  entitle();
};
startSnippets();
for (const [name, start] of Object.entries(STARTED)) start(find(`#${name}`));
addEventListener("hashchange", open);
open();
