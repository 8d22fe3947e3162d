/** What went wrong, said where it happened. */

import { button, el, find } from "./dom.js";
import { hyperparameter } from "./figures.js";
import { sentence, words } from "./language.js";
import { fitserve, otherKey } from "./service.js";

/** What a fault says: the service's sentence and what it says of each field, or the page's own text. */
export function errorText(fault) {
  if (fault.status === 0) return words("error.unreachable");
  if (fault.key) return words(fault.key);
  const details = (fault.problem?.errors ?? []).flatMap(({ loc, msg }) => [
    " · ",
    hyperparameter(loc.at(-1)),
    ": ",
    sentence(msg),
  ]);
  return el("span", {}, sentence(fault.message), ...details);
}

/** Show it in the `.error-notice` of a place; without a fault, take the last one away. */
export function showError(place, fault) {
  if (fault?.name === "AbortError") return;
  const notice = find(".error-notice", place);
  notice.hidden = !fault;
  if (!fault) return;
  const remedy = fault.status === 403 && fitserve.key ? [" ", button("key.other", otherKey)] : [];
  notice.replaceChildren(errorText(fault), ...remedy);
}

/** A fault that the page itself has words for. */
export const pageError = (key) => Object.assign(new Error(key), { key });

/** Do something, and show what goes wrong; resolves to whether it went well. */
export async function showingErrors(place, act) {
  showError(place);
  try {
    await act();
    return true;
  } catch (fault) {
    showError(place, fault);
    return false;
  }
}
