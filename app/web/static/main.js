/** The page: one section at a time, chosen by the address, in one of two languages. */

import { startCalls } from "./calls.js";
import { startDigit } from "./digit.js";
import { el, find } from "./dom.js";
import { openHealth } from "./health.js";
import { loadLanguages, switchLanguage, words } from "./language.js";
import { openModels } from "./models.js";
import { startPhoto } from "./photo.js";
import { fitserve } from "./service.js";
import { startText } from "./text.js";
import { openTrain } from "./train.js";

const OPENED = { train: openTrain, models: openModels, health: openHealth };

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

function open() {
  const [name, ...rest] = location.hash.slice(1).split("/");
  const chosen = find(`main > section[id="${CSS.escape(name)}"]`) ?? find("main > section");
  for (const section of document.querySelectorAll("main > section")) section.hidden = section !== chosen;
  for (const link of document.querySelectorAll("nav a")) {
    link.ariaCurrent = link.hash === `#${chosen.id}` ? "page" : null;
  }
  find("#call").hidden = true;
  lookForModels(chosen);
  OPENED[chosen.id]?.(chosen, ...rest);
}

await loadLanguages();
find(".language").onclick = switchLanguage;
startCalls();
startDigit(find("#digit"));
startPhoto(find("#photo"));
startText(find("#text"));
addEventListener("hashchange", open);
open();
