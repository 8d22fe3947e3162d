/** Which label is taken for which, as a table: rows the truth, columns the guess. */

import { el, wide } from "./dom.js";
import { words } from "./language.js";

const UPRIGHT = 2; // letters of a column's name; longer ones stand on end

/** The counts of a version on its test set. */
export function confusionTable(labels, counts, title = words("train.confusion")) {
  const head = el("tr", {}, el("td"), ...labels.map((name) => el("th", { scope: "col" }, el("span", {}, name))));
  const long = labels.some(({ length }) => length > UPRIGHT);
  const body = counts.map((row, truth) => {
    const total = row.reduce((sum, count) => sum + count, 0) || 1;
    const cells = row.map((count, guess) => {
      const cell = el("td", { className: truth === guess ? "right" : count ? "wrong" : "" }, String(count || "·"));
      cell.style.setProperty("--share", Math.sqrt(count / total)); // so that rare mistakes can be seen too
      return cell;
    });
    return el("tr", {}, el("th", { scope: "row" }, labels[truth]), ...cells);
  });
  const table = el(
    "table",
    { className: long ? "confusion long" : "confusion" },
    el("caption", {}, title),
    el("thead", {}, head),
    el("tbody", {}, ...body),
  );
  return wide("train.confusion", table);
}
