/** The page in two languages: every text has a key in en.json and ko.json; ko.server.json translates the service. */

import { Translation } from "./translation.js";

const STORED = "language";
const tables = {};
const translations = {};
let language = "en";

/** A span that says what the key stands for, in whatever language is chosen now or later. */
export function words(key, values = {}) {
  const span = document.createElement("span");
  say(span, key, values);
  return span;
}

/** Have an element say what a key stands for. */
export function say(node, key, values = {}) {
  node.dataset.t = key;
  node.dataset.values = JSON.stringify(values);
  node.textContent = message(key, values);
}

/** A span with a sentence of the service, translated where the language chosen has a translation. */
export function sentence(text) {
  const span = document.createElement("span");
  span.dataset.sentence = text;
  translate(span);
  return span;
}

function translate(node) {
  const { sentence: text } = node.dataset;
  const translated = translations[language]?.of(text) ?? text;
  node.textContent = translated;
  node.lang = translated === text ? "en" : language;
}

/** Name an element for those who do not see it. */
export function label(node, key) {
  node.dataset.tLabel = key;
  node.ariaLabel = message(key);
  return node;
}

/** Say in an empty field what holds while it is empty. */
export function hint(node, key) {
  node.dataset.tPlaceholder = key;
  node.setAttribute("placeholder", message(key));
  return node;
}

/** The text of a key; `{name}` takes a value. Where a table lacks the key, `values.otherwise` is said. */
export function message(key, values = {}) {
  const text = tables[language][key] ?? values.otherwise ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Load both tables and begin in the language chosen before, or the browser's. */
export async function loadLanguages() {
  const load = async (name) => (await fetch(new URL(`./${name}.json`, import.meta.url))).json();
  const [en, ko, server] = await Promise.all(["en", "ko", "ko.server"].map(load));
  Object.assign(tables, { en, ko });
  translations.ko = new Translation(server);
  speak(localStorage.getItem(STORED) ?? (navigator.language.startsWith("ko") ? "ko" : "en"));
}

export function switchLanguage() {
  localStorage.setItem(STORED, language === "en" ? "ko" : "en");
  speak(localStorage.getItem(STORED));
}

function speak(chosen) {
  language = chosen in tables ? chosen : "en";
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-t]")) {
    node.textContent = message(node.dataset.t, JSON.parse(node.dataset.values ?? "{}"));
  }
  for (const node of document.querySelectorAll("[data-sentence]")) translate(node);
  for (const node of document.querySelectorAll("[data-t-label]")) node.ariaLabel = message(node.dataset.tLabel);
  for (const node of document.querySelectorAll("[data-t-placeholder]")) {
    node.setAttribute("placeholder", message(node.dataset.tPlaceholder));
  }
}
