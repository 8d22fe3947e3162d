/** The latest jobs, kept up to date while one looks. */

import { button, el, find } from "./dom.js";
import { moment, percent } from "./figures.js";
import { poll } from "./polling.js";
import { words } from "./language.js";
import { fitserve } from "./service.js";

const LOOK_MS = 2500;
const MORE = 8;

export const badge = (status) => {
  const node = el("span", { className: "badge" }, words(`status.${status}`));
  node.dataset.status = status;
  return node;
};

/** Show them, newest first, until the signal says stop; `current` is the one that is watched. */
export function listJobs(section, signal, current) {
  const place = find(".jobs", section);
  let limit = MORE;
  let shown = "";
  async function look() {
    const jobs = await fitserve.jobs({ limit });
    if (signal.aborted || JSON.stringify(jobs) === shown) return;
    shown = JSON.stringify(jobs);
    const focused = place.contains(document.activeElement) && document.activeElement.hash;
    const more = jobs.length < limit ? [] : [el("li", {}, button("train.more", showMore))];
    find(".latest", section).hidden = !jobs.length;
    place.replaceChildren(...jobs.map((job) => row(job, current)), ...more);
    if (focused) find(`a[href="${focused}"]`, place)?.focus();
  }
  function showMore() {
    limit += MORE;
    return look();
  }
  return poll(LOOK_MS, signal, section, look);
}

function row({ id, model, status, progress, created, result }, current) {
  const link = el("a", { href: `#train/${id}` }, el("strong", {}, model), " ", el("code", {}, id));
  if (id === current) link.ariaCurrent = "true";
  const outcome = result?.version ? words("train.became", { version: result.version }) : "";
  const share = status === "running" || status === "paused" ? percent(progress) : outcome;
  return el("li", {}, link, badge(status), el("span", {}, share), el("time", { dateTime: created }, moment(created)));
}
