/** Pictures, from the computer into the page and back. */

import { el, find } from "./dom.js";
import { pageError, showError } from "./error_notice.js";

/** Pictures that are dropped on a zone, pasted while the section can be seen, or chosen in its file input. */
export function takePictures(section, zone, take) {
  const input = find("input[type=file]", section);
  const given = (files) => {
    const pictures = [...files].filter(({ type }) => type.startsWith("image/"));
    showError(section, pictures.length < files.length ? pageError("error.no_picture") : undefined);
    if (pictures.length) take(pictures);
  };
  input.onchange = () => {
    given(input.files);
    input.value = ""; // so that the same one can be chosen again
  };
  zone.ondragover = (event) => {
    event.preventDefault();
    zone.classList.add("over");
  };
  zone.ondragleave = ({ relatedTarget }) => zone.contains(relatedTarget) || zone.classList.remove("over");
  zone.ondrop = (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    given(event.dataTransfer.files);
  };
  document.addEventListener("paste", (event) => {
    if (section.hidden || !event.clipboardData.files.length) return;
    event.preventDefault();
    given(event.clipboardData.files);
  });
}

/** Put a blob into an image, and let go of the one before. */
export function show(image, blob) {
  release(image);
  image.src = URL.createObjectURL(blob);
  image.hidden = false;
}

/** Let go of what images hold. */
export function release(...images) {
  for (const image of images) if (image.src) URL.revokeObjectURL(image.src);
}

/** Hand a blob to the browser's downloads. */
export function save(blob, name) {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
