/** Again and again, while somebody looks. */

import { showError } from "./error_notice.js";

/**
 * Do something now and every so often until the signal says stop; not while the tab is hidden. What goes wrong is shown
 * in the place; a service that is not there is tried again, one that refuses is not asked twice.
 */
export async function poll(milliseconds, signal, place, act) {
  let lost = false;
  while (!signal.aborted) {
    try {
      if (!document.hidden) await act();
      if (lost) showError(place);
      lost = false;
    } catch (fault) {
      if (signal.aborted) return;
      showError(place, fault);
      lost = fault.status === 0 || fault.status >= 500 || fault.status === 429;
      if (!lost) return;
    }
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
  }
}
