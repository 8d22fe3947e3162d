/** Questions that have to be answered first. */

import { find } from "./dom.js";
import { say } from "./language.js";

/** A question with yes and no; resolves to whether it was yes. */
export async function confirmed(key, values) {
  const dialog = find("#confirm");
  say(find("p", dialog), key, values);
  return (await answered(dialog)) === "yes";
}

/** Show a dialog; resolves to what closed it. */
export function answered(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
  });
}
