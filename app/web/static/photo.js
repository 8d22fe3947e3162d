/** Photographs, dropped, pasted, chosen or taken, and what the network sees in them. */

import { bars } from "./bars.js";
import { showSnippet } from "./code_snippets.js";
import { Camera } from "./camera.js";
import { el, find } from "./dom.js";
import { words } from "./language.js";
import { release, show, takePictures } from "./pictures.js";
import { fitserve } from "./service.js";
import { errorText } from "./error_notice.js";

const TOP = 3;
const SHOWN = 24; // older ones go

let camera;

export function startPhoto(section) {
  const list = find(".photos", section);
  const clear = find(".clear", section);

  function drop(card) {
    release(...card.querySelectorAll("img"));
    card.remove();
    clear.hidden = !list.children.length;
  }

  async function look(picture) {
    const result = el("div", { className: "result" }, el("p", { className: "note" }, words("photo.looking")));
    const whole = el("img", { alt: picture.name ?? "", className: "whole" });
    const card = el("li", { className: "panel" }, whole, result);
    show(whole, picture);
    list.prepend(card);
    while (list.children.length > SHOWN) drop(list.lastElementChild);
    clear.hidden = false;
    try {
      const [answer, pixels] = await Promise.all([
        fitserve.predict("cifar", picture, { topK: TOP }),
        fitserve.preview("cifar", picture),
      ]);
      result.replaceChildren(...verdict(answer, pixels, picture));
      tellOf(picture);
    } catch (fault) {
      result.replaceChildren(el("p", { className: "bad" }, errorText(fault)));
    }
  }

  takePictures(section, find(".zone", section), (pictures) => pictures.forEach(look));
  camera = new Camera(section, look);
  clear.onclick = () => [...list.children].forEach(drop);
}

/** Whenever the section is opened; the camera does not outlast it. */
export function openPhoto(section, signal) {
  signal.addEventListener("abort", () => camera.stop());
}

const named = (label) => words(`label.${label}`, { otherwise: label });

function verdict(answer, pixels, picture) {
  const seen = el("img", { alt: "32 × 32", className: "pixels" });
  show(seen, pixels);
  return [
    el("p", { className: "answer" }, named(answer.label)),
    ...(answer.familiar === false ? [el("p", { className: "note" }, words("photo.unfamiliar"))] : []),
    bars(Object.entries(answer.probabilities), answer.label, named),
    el("figure", { className: "row" }, seen, el("figcaption", {}, words("photo.seen"), el("br"), picture.name ?? "")),
  ];
}

function tellOf(picture) {
  showSnippet({
    method: "POST",
    path: `/predict/cifar?top_k=${TOP}`,
    file: picture.name || "photo.jpg",
    javascript: `predict("cifar", file, { topK: ${TOP} })`,
  });
}
