/** How the service is, in a few honest lines, kept up to date while one looks. */

import { el, find, table, wide } from "./dom.js";
import { poll } from "./polling.js";
import { sentence, words } from "./language.js";
import { fitserve } from "./service.js";

const LOOK_MS = 2000;
const MOST_JOBS = 500;

export function openHealth(section, signal) {
  const place = find(".report", section);
  let shown = "";
  return poll(LOOK_MS, signal, section, async () => {
    const [state, running, queued] = await Promise.all([
      fitserve.ready(),
      fitserve.jobs({ status: "running", limit: MOST_JOBS }),
      fitserve.jobs({ status: "queued", limit: MOST_JOBS }),
    ]);
    const now = { state, running: running.length, queued: queued.length };
    if (signal.aborted || JSON.stringify(now) === shown) return;
    shown = JSON.stringify(now);
    place.replaceChildren(...report(now));
  });
}

function report({ state: told, running, queued }) {
  const { ready, runtime, runtime_reason: why, runtime_fault: fault, keys_fault: keysFault, gpus, models } = told;
  const state = el("span", { className: ready ? "good" : "bad" }, words(ready ? "health.ready" : "health.waiting"));
  const tile = (key, ...content) => el("div", {}, el("dt", {}, words(key)), el("dd", {}, ...content));
  const tiles = el(
    "dl",
    { className: "tiles panel" },
    tile("health.state", state, el("small", { className: "bad" }, ...(keysFault ? [sentence(keysFault)] : []))),
    tile("health.runtime", runtime, el("small", { className: fault ? "bad" : "" }, sentence(fault ?? why))),
    tile("health.gpu", gpus.length ? gpus.join(", ") : words("health.no_gpu")),
    tile("health.queue", words("health.jobs", { running, queued })),
  );
  const heads = ["health.model", "health.answers", "health.loaded", "health.waits"].map((key) => words(key));
  const rows = Object.entries(models).map(([model, health]) => [model, ...standing(model, health)]);
  return [tiles, el("div", { className: "panel" }, wide("models", table(heads, rows)))];
}

function standing(model, { serving, loaded, waiting, faults }) {
  const faulty = Object.entries(faults).map(([version, reason]) =>
    el("p", { className: "bad" }, words("models.fault", { version }), " ", sentence(reason)),
  );
  const none = () => el("span", { className: "bad" }, words("models.none", { model }));
  const answers = serving === null ? none() : words("models.numbered", { version: serving });
  return [el("div", {}, answers, ...faulty), loaded.join(", ") || "–", String(waiting)];
}
