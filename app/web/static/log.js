/** What the trainers of a job have written, as it is written. */

import { el } from "./dom.js";
import { label, words } from "./language.js";
import { fitserve } from "./service.js";
import { showingErrors } from "./error_notice.js";

/** A log that is read when it is opened, and followed while it is open and the job goes on. */
export function logOf(id, signal) {
  const text = label(el("pre", { tabIndex: 0, role: "region" }), "train.log");
  const notice = el("p", { className: "error-notice", role: "alert", hidden: true });
  const log = el("details", {}, el("summary", {}, words("train.log")), text, notice);
  let closed = new AbortController();
  log.ontoggle = () => {
    closed.abort();
    closed = new AbortController();
    if (log.open) showingErrors(log, () => follow(text, id, AbortSignal.any([signal, closed.signal])));
  };
  return log;
}

async function follow(text, id, signal) {
  text.replaceChildren();
  for await (const more of fitserve.followLog(id, { signal })) {
    const atEnd = text.scrollHeight - text.scrollTop - text.clientHeight < 40;
    text.append(more);
    if (atEnd) text.scrollTop = text.scrollHeight;
  }
}
