/** Draw a digit and watch what the network makes of it. */

import { bars } from "./bars.js";
import { showSnippet } from "./code_snippets.js";
import { find } from "./dom.js";
import { percent } from "./figures.js";
import { say } from "./language.js";
import { Pen } from "./pen.js";
import { show, takePictures } from "./pictures.js";
import { fitserve } from "./service.js";
import { showError } from "./error_notice.js";

const PAUSE_MS = 100; // between two questions while one draws
const DIGITS = [..."0123456789"];

export function startDigit(section) {
  let waiting = null;
  let newest = 0; // answers to older drawings are dropped

  async function ask(picture) {
    const mine = ++newest;
    try {
      const [prediction, pixels] = await Promise.all([fitserve.predict("digit", picture), fitserve.preview("digit", picture)]);
      if (mine === newest) showAnswer(section, prediction, pixels, picture.name);
    } catch (fault) {
      if (mine === newest) showError(section, fault);
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

function showAnswer(section, prediction, pixels, name = "digit.png") {
  showError(section);
  find(".answer", section).textContent = prediction.label;
  say(find(".from", section), "digit.from", { confidence: percent(prediction.confidence), version: prediction.version });
  const shares = DIGITS.map((digit) => [digit, prediction.probabilities[digit] ?? 0]);
  find(".result", section).replaceChildren(bars(shares, prediction.label));
  show(find(".seen", section), pixels);
  showSnippet({ method: "POST", path: "/predict/digit", file: name, javascript: 'predict("digit", file)' });
}

function showNothing(section) {
  showError(section);
  find(".answer", section).textContent = "–";
  const from = find(".from", section);
  delete from.dataset.t;
  from.textContent = "";
  find(".result", section).replaceChildren(bars(DIGITS.map((digit) => [digit, 0])));
  find(".seen", section).hidden = true;
}
