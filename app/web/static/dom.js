/** Small helpers to build and find elements. */

import { words } from "./language.js";

export const find = (selector, within = document) => within.querySelector(selector);

/** An element with these properties and children. */
export function el(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

export const button = (key, onclick) => el("button", { type: "button", onclick }, words(key));

/** Share as people read it. */
export const percent = (share) => `${(100 * share).toFixed(share > 0.9995 || share < 0.0005 ? 0 : 1)} %`;

/** A figure with the digits that matter. */
export const figure = (value) =>
  typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(4))) : String(value);

/** Labels with their probabilities, as bars. */
export function bars(entries) {
  const rows = entries.map(([label, share]) => {
    const fill = el("span", { className: "fill" });
    fill.style.width = `${100 * share}%`;
    const track = el("span", { className: "track", ariaHidden: "true" }, fill);
    return el("li", {}, el("span", { className: "label" }, label), track, el("span", {}, percent(share)));
  });
  return el("ol", { className: "bars" }, ...rows);
}

/** Show in a section what went wrong; without a fault, take the last one away. */
export function trouble(section, fault) {
  const place = find(".trouble", section);
  if (fault?.name === "AbortError") return;
  place.hidden = !fault;
  if (!fault) return;
  const details = (fault.problem?.errors ?? []).map(({ loc, msg }) => `${loc.at(-1)}: ${msg}`);
  const message = fault instanceof TypeError ? words("trouble.unreachable") : [fault.message, ...details].join(" · ");
  place.replaceChildren(message);
}

/** Pictures that are dropped on an element, pasted while it can be seen, or chosen in its file input. */
export function takePictures(section, zone, take) {
  const pictures = (list) => [...list].filter((file) => file.type.startsWith("image/"));
  const input = find("input[type=file]", section);
  input.onchange = () => {
    take(pictures(input.files));
    input.value = "";
  };
  zone.ondragover = (event) => {
    event.preventDefault();
    zone.classList.add("over");
  };
  zone.ondragleave = () => zone.classList.remove("over");
  zone.ondrop = (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    take(pictures(event.dataTransfer.files));
  };
  document.addEventListener("paste", (event) => {
    const pasted = pictures(event.clipboardData.files);
    if (section.hidden || !pasted.length) return;
    event.preventDefault();
    take(pasted);
  });
}

/** Put a blob into an image, and let go of the one before. */
export function show(image, blob) {
  URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(blob);
  image.hidden = false;
}

/** Hand a blob to the browser's downloads. */
export function save(blob, name) {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A question with yes and no; resolves to whether it was yes. */
export function confirmed(key, values) {
  const dialog = find("#confirm");
  find("p", dialog).replaceChildren(words(key, values));
  return answered(dialog).then((answer) => answer === "yes");
}

/** Show a dialog; resolves to what closed it. */
export function answered(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
  });
}
