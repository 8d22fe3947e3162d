/** Follow a job from its first event to its end; a page that comes late, or comes back, sees the same. */

import { charts, exportsOf } from "./curves.js";
import { button, el, find } from "./dom.js";
import { confirmed } from "./dialogs.js";
import { outcome } from "./evaluation.js";
import { clock, figure, named, percent } from "./figures.js";
import { badge } from "./jobs.js";
import { label, words } from "./language.js";
import { logOf } from "./log.js";
import { fitserve } from "./service.js";
import { trying } from "./trouble.js";

const ENDED = new Set(["succeeded", "failed", "cancelled"]);
const CHANGES = new Set(["queued", "started", "resumed", "paused", "finished"]);

/** Show a job in the panel until it ends or the signal says stop. */
export async function watch(panel, id, signal) {
  const rows = new Map();
  const phase = {};
  showPanel(panel, id, signal);
  await showState(panel, id);
  const lost = find(".lost", panel);
  const onConnection = (connected) => (lost.hidden = connected || signal.aborted);
  for await (const { event, data } of fitserve.events(id, { signal, onConnection })) {
    if (signal.aborted) return;
    if (event === "phase") Object.assign(phase, { phase: data.phase, epochs: data.epochs });
    if (event === "progress" || event === "epoch") showProgress(panel, data, phase);
    const row = event === "epoch" ? data : event === "resumed" ? data.row : null;
    if (row) {
      const { progress, metrics, time, ...figures } = row;
      rows.set(`${row.phase} ${row.epoch}`, figures); // an epoch that is done again takes the place of the lost one
      find(".charts", panel).replaceChildren(...charts([...rows.values()]));
    }
    if (CHANGES.has(event)) await showState(panel, id);
  }
  if (rows.size) find(".charts", panel).after(exportsOf(id));
  const { result } = await fitserve.job(id);
  if (result?.version) await outcome(find(".evaluation", panel), result);
}

function showPanel(panel, id, signal) {
  panel.replaceChildren(
    el("h3", {}, words("train.job"), " ", el("code", {}, id), " ", el("span", { className: "status", role: "status" })),
    el("p", { className: "wishes note" }),
    label(el("progress", { max: 1, value: 0 }), "train.progress"),
    el("p", { className: "now" }),
    el("p", { className: "lost bad", role: "status", hidden: true }, words("train.lost")),
    el("p", { className: "error bad", lang: "en" }),
    el("p", { className: "trouble", role: "alert", hidden: true }),
    el("div", { className: "actions row" }),
    el("div", { className: "charts" }),
    el("div", { className: "evaluation" }),
    logOf(id, signal),
  );
}

function showProgress(panel, { progress, epoch, eta_seconds: eta, metrics = {} }, { phase, epochs }) {
  find("progress", panel).value = progress;
  const place = phase ? [words("train.epoch", { phase, epoch, epochs })] : [];
  const left = eta === undefined ? [] : [words("train.eta", { time: clock(eta) })];
  const figures = Object.entries(metrics).map(([name, value]) => el("span", {}, named(name), " ", el("strong", {}, figure(value))));
  find(".now", panel).replaceChildren(el("strong", {}, percent(progress)), ...place, ...left, ...figures);
}

/** What the journal says of the job now, and what can be done with it. */
async function showState(panel, id) {
  const job = await fitserve.job(id);
  const wishes = Object.entries(job.hyperparameters).map(([name, value]) => `${name} ${value}`);
  find(".status", panel).replaceChildren(badge(job.status));
  find(".wishes", panel).textContent = [job.model, ...wishes.map((one) => one.slice(0, 60))].join(" · ");
  find(".error", panel).textContent = job.error ?? "";
  find("progress", panel).value = job.progress;
  if (ENDED.has(job.status)) showTime(panel, job);
  find(".actions", panel).replaceChildren(...actions(panel, job));
}

function showTime(panel, { progress, started, finished }) {
  const took = started ? [words("train.took", { time: clock((new Date(finished) - new Date(started)) / 1000) })] : [];
  find(".now", panel).replaceChildren(el("strong", {}, percent(progress)), ...took);
}

function actions(panel, { id, status, progress }) {
  const act = (key, ask) =>
    button(key, () =>
      trying(panel, async () => {
        await ask();
        await showState(panel, id);
      }),
    );
  if (ENDED.has(status)) return [];
  const cancel = async () => (await confirmed("train.sure", { id })) && fitserve.cancel(id);
  const paused = status === "paused";
  return [
    paused ? act("train.resume", () => fitserve.resume(id)) : act("train.pause", () => fitserve.pause(id)),
    ...(status === "running" && progress ? [act("train.early", () => fitserve.cancel(id, { stopEarly: true }))] : []),
    act("train.cancel", cancel),
  ];
}
