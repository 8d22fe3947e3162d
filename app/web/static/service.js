/** The one client of this page; it asks for a key where the service wants one. */

import { Fitserve } from "./fitserve.js";
import { answered, find } from "./dom.js";

export const fitserve = new Fitserve("", {
  // Kept in this tab's memory only: never stored, gone with a reload.
  async askKey() {
    const dialog = find("#key");
    const input = find("input", dialog);
    input.value = "";
    return (await answered(dialog)) === "yes" ? input.value.trim() : null;
  },
});
