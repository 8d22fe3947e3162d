/** A pen on a canvas: moved by mouse, pen or finger, or by the arrow keys. */

const WIDTH = 22; // canvas pixels
const DOT = 30; // canvas pixels: a shorter line is a dot yet, and no digit
const STEP = 8; // of the pen moved by a key

/** Draw on a canvas, and say so after every stretch of what is more than a dot; `nib` shows where the keyboard's pen is. */
export class Pen {
  #canvas;
  #ink;
  #nib;
  #drawn;
  #pointer = null; // one at a time: a second finger draws no line from the first
  #last;
  #length; // of all lines on the sheet
  #keys;

  constructor(canvas, nib, drawn) {
    this.#canvas = canvas;
    this.#ink = canvas.getContext("2d", { willReadFrequently: true });
    this.#nib = nib;
    this.#drawn = drawn;
    canvas.onpointerdown = (event) => this.#down(event);
    canvas.onpointermove = (event) => this.#move(event);
    canvas.onpointerup = canvas.onpointercancel = () => (this.#pointer = null);
    canvas.onkeydown = (event) => this.#key(event);
    this.clear();
  }

  /** A white sheet, the keyboard's pen lifted in its upper middle. */
  clear() {
    const { width, height } = this.#canvas;
    this.#ink.fillStyle = "#fff";
    this.#ink.fillRect(0, 0, width, height);
    this.#length = 0;
    this.#keys = { x: width / 2, y: height / 4, down: false };
    this.#showNib();
  }

  /** A picture, as large as the sheet allows. */
  picture(bitmap) {
    const { width, height } = this.#canvas;
    const scale = Math.min(width / bitmap.width, height / bitmap.height);
    const [wide, high] = [bitmap.width * scale, bitmap.height * scale];
    this.#ink.drawImage(bitmap, (width - wide) / 2, (height - high) / 2, wide, high);
    this.#length = DOT;
  }

  /** The sheet as a PNG, at once: `toBlob` would wait until the browser has nothing else to do. */
  sheet() {
    const [, content] = this.#canvas.toDataURL().split(",");
    return new Blob([Uint8Array.from(atob(content), (one) => one.charCodeAt(0))], { type: "image/png" });
  }

  #down(event) {
    if (event.button !== 0 || this.#pointer !== null) return;
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#last = this.#place(event);
    this.#line(this.#last, this.#last);
  }

  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    const coalesced = event.getCoalescedEvents?.() ?? [];
    for (const one of coalesced.length ? coalesced : [event]) {
      const next = this.#place(one);
      this.#line(this.#last, next);
      this.#last = next;
    }
  }

  #place({ offsetX, offsetY }) {
    const { width, height, clientWidth, clientHeight } = this.#canvas;
    return { x: (offsetX * width) / clientWidth, y: (offsetY * height) / clientHeight };
  }

  #line(from, to) {
    Object.assign(this.#ink, { lineWidth: WIDTH, lineCap: "round", lineJoin: "round", strokeStyle: "#000" });
    this.#ink.beginPath();
    this.#ink.moveTo(from.x, from.y);
    this.#ink.lineTo(to.x, to.y);
    this.#ink.stroke();
    this.#length += Math.hypot(to.x - from.x, to.y - from.y);
    if (this.#length >= DOT) this.#drawn();
  }

  #key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key === " ") this.#keys.down = !this.#keys.down;
    else if (event.key in moves) {
      const [x, y] = moves[event.key];
      const { width, height } = this.#canvas;
      const within = (value, most) => Math.min(most, Math.max(0, value));
      const next = { x: within(this.#keys.x + x * STEP, width), y: within(this.#keys.y + y * STEP, height) };
      if (this.#keys.down) this.#line(this.#keys, next);
      Object.assign(this.#keys, next);
    } else return;
    event.preventDefault();
    this.#showNib();
  }

  #showNib() {
    const { x, y, down } = this.#keys;
    this.#nib.style.left = `${(100 * x) / this.#canvas.width}%`;
    this.#nib.style.top = `${(100 * y) / this.#canvas.height}%`;
    this.#nib.classList.toggle("down", down);
  }
}
