/** Draw a digit and watch what the network makes of it. */

import { bars, find, show, takePictures, trouble } from "./dom.js";
import { tell } from "./calls.js";
import { fitserve } from "./service.js";

const WAIT_MS = 80; // after the last stroke
const PEN = 22; // canvas pixels
const STEP = 8; // of the pen moved by a key

export function startDigit(section) {
  const canvas = find("canvas", section);
  const pen = canvas.getContext("2d");
  let timer;
  let newest = 0; // answers to older drawings are dropped
  let key = { x: canvas.width / 2, y: canvas.height / 4, down: false };

  function clear() {
    clearTimeout(timer);
    newest++;
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    find(".answer", section).replaceChildren("–");
    find(".result", section).replaceChildren(bars([..."0123456789"].map((label) => [label, 0])));
    find(".seen", section).hidden = true;
    trouble(section);
  }

  function line(from, to) {
    Object.assign(pen, { lineWidth: PEN, lineCap: "round", lineJoin: "round", strokeStyle: "#000" });
    pen.beginPath();
    pen.moveTo(from.x, from.y);
    pen.lineTo(to.x, to.y);
    pen.stroke();
    clearTimeout(timer);
    timer = setTimeout(() => canvas.toBlob(ask), WAIT_MS);
  }

  async function ask(picture) {
    const mine = ++newest;
    try {
      const [answer, seen] = await Promise.all([fitserve.predict("digit", picture), fitserve.seen("digit", picture)]);
      if (mine !== newest) return;
      trouble(section);
      find(".answer", section).textContent = answer.label;
      const entries = Object.entries(answer.probabilities).sort(([one], [other]) => one - other);
      find(".result", section).replaceChildren(bars(entries));
      show(find(".seen", section), seen);
      const file = picture.name || "digit.png";
      tell({ method: "POST", path: "/predict/digit", file, javascript: 'predict("digit", blob)' });
    } catch (fault) {
      if (mine === newest) trouble(section, fault);
    }
  }

  const place = (event) => ({
    x: (event.offsetX * canvas.width) / canvas.clientWidth,
    y: (event.offsetY * canvas.height) / canvas.clientHeight,
  });
  let last = null;
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
    line(last, last);
  };
  canvas.onpointermove = (event) => {
    if (!last) return;
    const next = place(event);
    line(last, next);
    last = next;
  };
  canvas.onpointerup = canvas.onpointercancel = () => (last = null);

  // The arrow keys move a pen, the space bar puts it down and lifts it.
  canvas.onkeydown = (event) => {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key === " ") key.down = !key.down;
    else if (event.key in moves) {
      const [x, y] = moves[event.key];
      const next = { ...key, x: key.x + x * STEP, y: key.y + y * STEP };
      if (key.down) line(key, next);
      key = next;
    } else return;
    canvas.classList.toggle("down", key.down);
    event.preventDefault();
  };

  find(".clear", section).onclick = clear;
  takePictures(section, canvas, async ([picture]) => {
    if (!picture) return;
    clear();
    ask(picture);
    const bitmap = await createImageBitmap(picture).catch(() => null); // TIFF: the service reads it, the browser not
    if (!bitmap) return;
    const scale = Math.min(canvas.width / bitmap.width, canvas.height / bitmap.height);
    pen.drawImage(bitmap, 0, 0, bitmap.width * scale, bitmap.height * scale);
  });
  clear();
}
