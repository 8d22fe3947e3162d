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
  const answer = find(".answer", section);
  const from = find(".from", section);
  const seen = find(".seen", section);
  const result = find(".result", section);
  let waiting = null;
  let newest = 0; // answers to older drawings are dropped

  async function ask(picture) {
    const mine = ++newest;
    try {
      const [said, pixels] = await Promise.all([fitserve.predict("digit", picture), fitserve.seen("digit", picture)]);
      if (mine !== newest) return;
      trouble(section);
      answer.textContent = said.label;
      say(from, "digit.from", { confidence: percent(said.confidence), version: said.version });
      result.replaceChildren(bars(DIGITS.map((digit) => [digit, said.probabilities[digit] ?? 0]), said.label));
      show(seen, pixels);
      const file = picture.name || "digit.png";
      tell({ method: "POST", path: "/predict/digit", file, javascript: 'predict("digit", file)' });
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

  function forget() {
    clearTimeout(waiting);
    waiting = null;
    newest++;
    answer.textContent = "–";
    from.textContent = "";
    delete from.dataset.t;
    result.replaceChildren(bars(DIGITS.map((digit) => [digit, 0])));
    seen.hidden = true;
    trouble(section);
  }

  const pen = new Pen(find("canvas", section), find(".nib", section), drawn);
  find(".clear", section).onclick = () => {
    pen.clear();
    forget();
  };
  takePictures(section, find(".paper", section), async ([picture]) => {
    pen.clear();
    forget();
    ask(picture);
    const bitmap = await createImageBitmap(picture).catch(() => null); // TIFF: the service reads it, the browser not
    if (bitmap) pen.picture(bitmap);
  });
  forget();
}
