/** How the service is, in a few honest lines. */

import { el, find, trouble } from "./dom.js";
import { words } from "./language.js";
import { fitserve } from "./service.js";

export async function openHealth(section) {
  trouble(section);
  try {
    const [{ ready, models, runtime, runtime_reason: why, runtime_fault: fault }, running, queued] = await Promise.all([
      fitserve.ready(),
      fitserve.jobs({ status: "running", limit: 500 }),
      fitserve.jobs({ status: "queued", limit: 500 }),
    ]);
    const line = (key, ...content) => [el("dt", {}, words(key)), el("dd", {}, ...content)];
    const loaded = Object.entries(models).map(([model, { serving, faults }]) =>
      el(
        "li",
        { className: serving === null || Object.keys(faults).length ? "bad" : "" },
        `${model}: `,
        serving === null ? words("models.none", { model }) : words("models.serving", { version: serving }),
        ...Object.entries(faults).map(([version, reason]) => el("p", {}, words("models.fault", { version, reason }))),
      ),
    );
    find("dl", section).replaceChildren(
      ...line("health.state", words(ready ? "health.ready" : "health.waiting")),
      ...line("health.runtime", runtime, el("p", {}, fault ?? why)),
      ...line("health.queue", words("health.jobs", { running: running.length, queued: queued.length })),
      ...line("health.models", el("ul", {}, ...loaded)),
    );
  } catch (fault) {
    trouble(section, fault);
  }
}
