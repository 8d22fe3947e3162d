/** Photographs, dropped, pasted, chosen or taken, and what the network sees in them. */

import { bars, el, find, show, takePictures, trouble } from "./dom.js";
import { tell } from "./calls.js";
import { words } from "./language.js";
import { fitserve } from "./service.js";

const TOP = 3;
const SHOWN = 24; // older ones go

export function startPhoto(section) {
  const list = find(".photos", section);

  async function look(picture) {
    const whole = el("img", { alt: picture.name || "", className: "whole" });
    const seen = el("img", { alt: "", className: "pixels", hidden: true });
    const result = el("div", { className: "result" });
    const card = el("li", {}, whole, el("div", {}, result, el("figure", {}, seen)));
    show(whole, picture);
    list.prepend(card);
    while (list.children.length > SHOWN) list.lastChild.remove();
    try {
      const [answer, pixels] = await Promise.all([
        fitserve.predict("cifar", picture, { topK: TOP }),
        fitserve.seen("cifar", picture),
      ]);
      const named = (label) => words(`label.${label}`, { otherwise: label });
      result.append(el("p", { className: "answer" }, named(answer.label)));
      result.append(bars(Object.entries(answer.probabilities).map(([label, share]) => [named(label), share])));
      if (answer.familiar === false) result.append(el("p", {}, words("photo.unfamiliar")));
      show(seen, pixels);
      const file = picture.name || "photo.jpg";
      tell({ method: "POST", path: "/predict/cifar", file, javascript: 'predict("cifar", blob)' });
    } catch (fault) {
      result.append(el("p", { className: "bad" }, fault.message));
    }
  }

  takePictures(section, find(".zone", section), (pictures) => pictures.forEach(look));
  startCamera(section, look);
}

/** The camera, asked for only when its button is pressed. */
function startCamera(section, take) {
  const video = find("video", section);
  const snap = find(".snap", section);
  const toggle = find(".camera", section);

  function stop() {
    for (const track of video.srcObject?.getTracks() ?? []) track.stop();
    video.srcObject = null;
    video.hidden = snap.hidden = true;
  }

  toggle.onclick = async () => {
    if (video.srcObject) return stop();
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      video.hidden = false;
      await video.play();
      snap.hidden = false; // there is a picture only now
      trouble(section);
    } catch (fault) {
      stop();
      trouble(section, new Error(fault.message));
    }
  };
  snap.onclick = () => {
    const canvas = el("canvas", { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob(take, "image/jpeg");
  };
}
