/** Follow a job from its first event to its end; a page that comes late, or comes back, sees the same. */

import { charts, exportsOf } from "./curves.js";
import { button, el, find } from "./dom.js";
import { confirmed } from "./dialogs.js";
import { outcome } from "./evaluation.js";
import { clock, figure, hyperparameter, named, percent } from "./figures.js";
import { badge } from "./jobs.js";
import { label, message, sentence, words } from "./language.js";
import { logOf } from "./log.js";
import { fitserve } from "./service.js";
import { showingErrors } from "./error_notice.js";

const ENDED = new Set(["succeeded", "failed", "cancelled"]);
const LONGEST = 60; // characters shown of a hyperparameter's value
const CHANGES = new Set(["queued", "started", "resumed", "paused", "finished"]);

/** Show a job in the panel until it ends or the signal says stop; one that is not known is refused before. */
export async function watch(panel, id, signal) {
  const job = await fitserve.job(id);
  if (signal.aborted) return;
  const view = viewOf(id, signal); // one for each call: what comes late for another job is written where nobody looks
  panel.replaceChildren(view);
  panel.hidden = false;
  showState(view, job);
  await follow(view, id, signal);
  const { result } = await fitserve.job(id);
  if (result?.version) await outcome(find(".evaluation", view), result);
}

function viewOf(id, signal) {
  return el(
    "div",
    {},
    el("h3", {}, words("train.job"), " ", el("code", {}, id), " ", el("span", { className: "status", role: "status" })),
    el("p", { className: "hyperparameters note" }),
    el("ul", { className: "read note", hidden: true }),
    label(el("progress", { max: 1, value: 0 }), "train.progress"),
    el("p", { className: "now" }),
    el("p", { className: "lost bad", role: "status", hidden: true }, words("train.lost")),
    el("p", { className: "error bad" }),
    el("p", { className: "error-notice", role: "alert", hidden: true }),
    el("div", { className: "actions row" }),
    el("div", { className: "charts" }),
    el("div", { className: "evaluation" }),
    logOf(id, signal),
  );
}

/** Show every event of a job, from the first to the last. */
async function follow(view, id, signal) {
  const rows = new Map();
  const phase = {};
  const lost = find(".lost", view);
  const onConnection = (connected) => (lost.hidden = connected || signal.aborted);
  const draw = onceAFrame(() => find(".charts", view).replaceChildren(...charts([...rows.values()])));
  for await (const { event, data } of fitserve.events(id, { signal, onConnection })) {
    signal.throwIfAborted();
    if (event === "phase") Object.assign(phase, { phase: data.phase, epochs: data.epochs });
    if (event === "progress" || event === "epoch") showProgress(view, data, phase);
    if (data.encoding) showEncoding(view, data);
    const row = event === "epoch" ? data : event === "resumed" ? data.row : null;
    if (row) {
      const { progress, metrics, time, ...figures } = row;
      rows.set(`${row.phase} ${row.epoch}`, figures); // an epoch that is done again takes the place of the lost one
      draw();
    }
    if (CHANGES.has(event)) showState(view, await fitserve.job(id));
  }
  if (rows.size) find(".charts", view).after(exportsOf(id));
}

/** Do something before the next picture is shown, however often it is asked for until then. */
function onceAFrame(act) {
  let due = false;
  return () => {
    if (!due) requestAnimationFrame(() => ((due = false), act()));
    due = true;
  };
}

/** A text that is not UTF-8, once, however many attempts read it. */
function showEncoding(view, { corpus, encoding }) {
  const list = find(".read", view);
  const line = el("li", {}, words("train.encoding", { corpus, encoding: encoding.toUpperCase() }));
  if ([...list.children].every((other) => other.textContent !== line.textContent)) list.append(line);
  list.hidden = false;
}

function showProgress(view, { progress, epoch, eta_seconds: eta, metrics = {} }, { phase, epochs }) {
  find("progress", view).value = progress;
  const place = phase ? [words("train.epoch", { phase: message(`phase.${phase}`, { otherwise: phase }), epoch, epochs })] : [];
  const left = eta === undefined ? [] : [words("train.eta", { time: clock(eta) })];
  const figures = Object.entries(metrics).map(([name, value]) =>
    el("span", {}, named(name), " ", el("strong", {}, figure(value))),
  );
  find(".now", view).replaceChildren(el("strong", {}, percent(progress)), ...place, ...left, ...figures);
}

/** How a job stands, and what can be done with it. */
function showState(view, job) {
  const hyperparameters = Object.entries(job.hyperparameters).flatMap(([name, value]) => [
    " · ",
    hyperparameter(name),
    ` ${value}`.slice(0, LONGEST),
  ]);
  find(".status", view).replaceChildren(badge(job.status));
  find(".hyperparameters", view).replaceChildren(job.model, ...hyperparameters);
  find(".error", view).replaceChildren(...(job.error ? [sentence(job.error)] : []));
  find("progress", view).value = job.progress;
  if (ENDED.has(job.status)) showTime(view, job);
  find(".actions", view).replaceChildren(...actions(view, job));
}

function showTime(view, { progress, started, finished }) {
  const took = started ? [words("train.took", { time: clock((new Date(finished) - new Date(started)) / 1000) })] : [];
  find(".now", view).replaceChildren(el("strong", {}, percent(progress)), ...took);
}

function actions(view, { id, status, progress }) {
  const act = (key, ask) =>
    button(key, () =>
      showingErrors(view, async () => {
        await ask();
        showState(view, await fitserve.job(id));
      }),
    );
  if (ENDED.has(status)) return [];
  const cancel = async () =>
    (await confirmed("train.sure", { id }, "train.do_cancel", "train.keep")) && fitserve.cancel(id);
  const paused = status === "paused";
  return [
    paused ? act("train.resume", () => fitserve.resume(id)) : act("train.pause", () => fitserve.pause(id)),
    ...(status === "running" && progress ? [act("train.early", () => fitserve.cancel(id, { stopEarly: true }))] : []),
    act("train.cancel", cancel),
  ];
}
