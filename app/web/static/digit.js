/** Draw a digit and watch what the network makes of it. */

import { bars } from "./bars.js";
import { tell } from "./calls.js";
import { find } from "./dom.js";
import { percent } from "./figures.js";
import { say } from "./language.js";
import { Pen } from "./pen.js";
import { show, takePictures } from "./pictures.js";
import { fitserve } from "./service.js";
import { trouble } from "./trouble.js";

const PAUSE_MS = 100; // between two questions while one draws
const DIGITS = [..."0123456789"];

export function startDigit(section) {
  let waiting = null;
  let newest = 0; // answers to older drawings are dropped

  async function ask(picture) {
    const mine = ++newest;
    try {
      const [said, pixels] = await Promise.all([fitserve.predict("digit", picture), fitserve.seen("digit", picture)]);
      if (mine === newest) showAnswer(section, said, pixels, picture.name);
    } catch (fault) {
      if (mine === newest) trouble(section, fault);
    }
  }

  /** Ask while one draws, not for every stretch of a line, but for the last one always. */
  function drawn() {
    waiting ??= setTimeout(() => {
      waiting = null;
      ask(pen.sheet());
    }, PAUSE_MS);
  }

  function clear() {
    clearTimeout(waiting);
    waiting = null;
    newest++;
    pen.clear();
    showNothing(section);
  }

  const pen = new Pen(find("canvas", section), find(".nib", section), drawn);
  find(".clear", section).onclick = clear;
  takePictures(section, find(".paper", section), async ([picture]) => {
    clear();
    ask(picture);
    const bitmap = await createImageBitmap(picture).catch(() => null); // TIFF: the service reads it, the browser not
    if (bitmap) pen.picture(bitmap);
  });
  clear();
}

function showAnswer(section, said, pixels, name = "digit.png") {
  trouble(section);
  find(".answer", section).textContent = said.label;
  say(find(".from", section), "digit.from", { confidence: percent(said.confidence), version: said.version });
  const shares = DIGITS.map((digit) => [digit, said.probabilities[digit] ?? 0]);
  find(".result", section).replaceChildren(bars(shares, said.label));
  show(find(".seen", section), pixels);
  tell({ method: "POST", path: "/predict/digit", file: name, javascript: 'predict("digit", file)' });
}

function showNothing(section) {
  trouble(section);
  find(".answer", section).textContent = "–";
  const from = find(".from", section);
  delete from.dataset.t;
  from.textContent = "";
  find(".result", section).replaceChildren(bars(DIGITS.map((digit) => [digit, 0])));
  find(".seen", section).hidden = true;
}
