/** Ask for a training and watch it. */

import { charts } from "./curves.js";
import { button, confirmed, el, figure, find, percent, show, trouble } from "./dom.js";
import { tell } from "./calls.js";
import { fields, fill, wishes } from "./form.js";
import { words } from "./language.js";
import { fitserve } from "./service.js";

const ENDED = new Set(["succeeded", "failed", "cancelled"]);
const PATH = /^\/train\/(\w+)$/;
let watching = new AbortController();

/** Whenever the section is opened; `job` comes from the address, so that a reload goes on where one was. */
export async function openTrain(section, job) {
  trouble(section);
  watching.abort();
  watching = new AbortController();
  try {
    if (!find(".family", section).children.length) showForms(section, await fitserve.openapi());
    await listJobs(section);
    find(".watch", section).hidden = !job;
    if (job) await watch(section, job, watching.signal);
  } catch (fault) {
    trouble(section, fault);
  }
}

function showForms(section, { paths, components }) {
  const choose = find(".family", section);
  for (const [path, { post }] of Object.entries(paths)) {
    const [, family] = PATH.exec(path) ?? [];
    if (family) choose.append(el("option", { value: family }, words(`family.${family}`, { otherwise: post.summary })));
  }
  choose.onchange = () => {
    const family = choose.value;
    const schema = components.schemas[`Train_${family}`];
    const { examples } = paths[`/train/${family}`].post.requestBody.content["application/json"];
    showForm(section, family, schema, examples ?? {});
  };
  choose.onchange();
}

function showForm(section, family, schema, examples) {
  const form = find("form", section);
  find(".fields", form).replaceChildren(...fields(family, schema));
  const presets = Object.entries(examples).map(([name, { value }]) =>
    button(`train.example.${name}`, () => fill(form, schema, value)),
  );
  find(".presets", form).replaceChildren(...presets);
  form.onsubmit = async (event) => {
    event.preventDefault();
    const json = wishes(form, schema);
    tell({ method: "POST", path: `/train/${family}`, json, javascript: `train("${family}", ${JSON.stringify(json)})` });
    try {
      const job = await fitserve.train(family, json);
      location.hash = `train/${job.id}`;
    } catch (fault) {
      trouble(section, fault);
    }
  };
}

async function listJobs(section) {
  const jobs = await fitserve.jobs({ limit: 8 });
  const rows = jobs.map((job) => {
    const link = el("a", { href: `#train/${job.id}` }, job.model, " ", el("code", {}, job.id));
    return el("li", {}, link, " ", words(`status.${job.status}`));
  });
  find(".jobs", section).replaceChildren(...(rows.length ? rows : [el("li", {}, words("train.none"))]));
}

/** Follow a job to its end, from its first event on: a page that comes late sees the same. */
async function watch(section, id, signal) {
  const panel = find(".watch", section);
  const connection = find(".connection", panel);
  const rows = new Map();
  find(".job", panel).textContent = id;
  for (const place of [".charts", ".evaluation", ".actions", ".now"]) find(place, panel).replaceChildren();
  find("progress", panel).value = 0;
  showLog(panel, id);
  await showState(panel, id);
  const onConnection = (connected) => (connection.hidden = connected || signal.aborted);
  for await (const { event, data } of fitserve.events(id, { signal, onConnection })) {
    if (signal.aborted) return;
    if (event === "progress" || event === "epoch") showProgress(panel, data);
    const row = event === "epoch" ? data : event === "resumed" ? data.row : null;
    if (row) {
      const { progress, metrics, time, ...figures } = row;
      rows.set(`${row.phase} ${row.epoch}`, figures);
      find(".charts", panel).replaceChildren(...charts([...rows.values()]));
    }
    if (["queued", "started", "paused", "finished"].includes(event)) await showState(panel, id);
  }
  await Promise.all([listJobs(section), showEvaluation(panel, id)]);
}

function showProgress(panel, { progress, epoch, eta_seconds: eta, metrics }) {
  find("progress", panel).value = progress;
  const figures = Object.entries(metrics).map(([name, value]) => el("span", {}, `${name} ${figure(value)}`));
  const left = eta === undefined ? [] : [words("train.eta", { seconds: Math.ceil(eta) })];
  find(".now", panel).replaceChildren(el("span", {}, percent(progress)), words("train.epoch", { epoch }), ...left, ...figures);
}

async function showState(panel, id) {
  const job = await fitserve.job(id);
  find(".status", panel).replaceChildren(words(`status.${job.status}`));
  find(".status", panel).dataset.status = job.status;
  find(".error", panel).textContent = job.error ?? "";
  find("progress", panel).value = job.progress;
  const act = (key, ask) =>
    button(key, async () => {
      await ask().catch((fault) => trouble(panel.closest("section"), fault));
      await showState(panel, id);
    });
  const actions = [];
  if (!ENDED.has(job.status)) {
    actions.push(act("train.cancel", async () => (await confirmed("train.sure", { id })) && fitserve.cancel(id)));
    actions.push(job.status === "paused" ? act("train.resume", () => fitserve.resume(id)) : act("train.pause", () => fitserve.pause(id)));
  }
  if (job.status === "running") actions.push(act("train.early", () => fitserve.cancel(id, { stopEarly: true })));
  find(".actions", panel).replaceChildren(...actions);
}

function showLog(panel, id) {
  const details = find("details", panel);
  const read = async () => (find("pre", details).textContent = await fitserve.log(id));
  details.open = false;
  details.ontoggle = () => details.open && read();
  find("button", details).onclick = read;
}

/** What the version that came out is worth: figures, confusion, and where it was most wrong. */
async function showEvaluation(panel, id) {
  const { result } = await fitserve.job(id);
  if (!result?.version) return;
  const { model, version, promoted, reason } = result;
  const card = await fitserve.version(model, version);
  const place = find(".evaluation", panel);
  const figures = Object.entries(card.metrics).map(([name, value]) => el("li", {}, `${name} `, el("strong", {}, figure(value))));
  place.replaceChildren(
    el("h3", {}, words(promoted ? "train.promoted" : "train.published", { model, version })),
    el("p", {}, reason ?? ""),
    el("ul", { className: "figures" }, ...figures),
  );
  const evaluation = JSON.parse(await (await fitserve.file(model, version, "evaluation.json")).text());
  if (evaluation.confusion) place.append(confusion(evaluation));
  if (evaluation.mistakes?.length) {
    const image = el("img", { alt: "" });
    place.append(el("h4", {}, words("train.mistakes")), image);
    show(image, await fitserve.file(model, version, "mistakes.png"));
  }
}

function confusion({ confusion: counts, labels }) {
  const names = Object.keys(labels);
  const head = el("tr", {}, el("td"), ...names.map((name) => el("th", { scope: "col" }, name)));
  const body = counts.map((row, truth) => {
    const total = row.reduce((sum, count) => sum + count, 0) || 1;
    const cells = row.map((count, guess) => {
      const cell = el("td", { className: truth === guess ? "right" : count ? "wrong" : "" }, String(count || "·"));
      cell.style.setProperty("--share", Math.sqrt(count / total));
      return cell;
    });
    return el("tr", {}, el("th", { scope: "row" }, names[truth]), ...cells);
  });
  const table = el("table", { className: "confusion" }, el("caption", {}, words("train.confusion")), head, ...body);
  return el("div", { className: "wide", tabIndex: 0, role: "region", ariaLabel: "confusion" }, table);
}
