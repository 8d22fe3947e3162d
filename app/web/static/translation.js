/** Sentences of the service in another language. */

const PART = /\{(\w+)\}/g;

/** A table from English sentences to translations; `{name}` stands for any text, which is translated too if it can be. */
export class Translation {
  #patterns;

  constructor(table) {
    this.#patterns = Object.entries(table)
      .sort(([one], [other]) => literal(other) - literal(one)) // the most specific first
      .map(([english, translated]) => [pattern(english), translated]);
  }

  /** The translation of a sentence; undefined where the table has none. */
  of(text) {
    for (const [pattern, translated] of this.#patterns) {
      const found = pattern.exec(text);
      if (found) return translated.replace(PART, (whole, name) => this.of(found.groups[name]) ?? found.groups[name]);
    }
  }
}

const escaped = (text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

const literal = (english) => english.replace(PART, "").length;

function pattern(english) {
  const parts = english.split(PART); // text and names by turns
  const source = parts.map((part, place) => (place % 2 ? `(?<${part}>[^]+?)` : escaped(part)));
  return new RegExp(`^${source.join("")}$`);
}
