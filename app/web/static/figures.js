/** Figures as people read them, the same in every language. */

import { words } from "./language.js";

/** Share from 0 to 1 as a percentage. */
export const percent = (share) => `${(100 * share).toFixed(share > 0.9995 || share < 0.0005 ? 0 : 1)} %`;

/** A number with the digits that matter; anything else as it is. */
export const figure = (value) =>
  typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(4))) : String(value);

/** The name of a metric in words, where the page has some; as the API calls it when one points at it. */
export const named = (metric) => Object.assign(words(`figure.${metric}`, { otherwise: metric }), { title: metric });

/** The name of a hyperparameter in words, where the page has some; as the API calls it when one points at it. */
export const hyperparameter = (name) => Object.assign(words(`hp.${name}`, { otherwise: name }), { title: name });

/** Seconds as 0:07, 12:30 or 1:02:03. */
export function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** A moment as 2026-01-31 17:05, in the time of this place. */
export function moment(iso) {
  const time = new Date(iso);
  return new Date(time - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16).replace("T", " ");
}

/** Bytes as kB, MB or GB. */
export function bytes(size) {
  for (const [unit, one] of [
    ["GB", 1e9],
    ["MB", 1e6],
    ["kB", 1e3],
  ]) {
    if (size >= one) return `${Number((size / one).toPrecision(3))} ${unit}`;
  }
  return `${size} B`;
}
