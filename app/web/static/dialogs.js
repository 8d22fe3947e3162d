/** Questions that have to be answered first. */

import { find } from "./dom.js";
import { say } from "./language.js";

/** Ask a question; one button has the text of `action`, the other that of `dismiss`. Resolves to whether to act. */
export async function confirmed(question, values, action, dismiss = "cancel") {
  const dialog = find("#confirm");
  say(find("p", dialog), question, values);
  say(find(".go", dialog), action, values);
  say(find(".dismiss", dialog), dismiss);
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
