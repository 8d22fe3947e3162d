/** The one client of this page; it asks for a key where the service wants one. */

import { Fitserve } from "./fitserve.js";
import { answered } from "./dialogs.js";
import { find } from "./dom.js";
import { sentence } from "./language.js";

export const fitserve = new Fitserve(new URL(".", location).href, { askKey });

/** The key that is typed; kept in this tab's memory only: never stored, gone with a reload. */
async function askKey(refusal) {
  const dialog = find("#key");
  const input = find("input", dialog);
  input.value = "";
  find(".refused", dialog).replaceChildren(...(fitserve.key && refusal.message ? [sentence(refusal.message)] : []));
  return (await answered(dialog)) === "yes" ? input.value.trim() : null;
}

/** Ask for another key, where the one in use may not do what was asked for. */
export async function otherKey() {
  fitserve.key = (await askKey({ message: "" })) || fitserve.key;
}
