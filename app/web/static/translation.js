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
  const names = new Set();
  const source = english.split(PART).map((part, place) => {
    if (place % 2 === 0) return escaped(part);
    if (names.has(part)) return `\\k<${part}>`; // the same text again
    names.add(part);
    return `(?<${part}>[^]+?)`;
  });
  return new RegExp(`^${source.join("")}$`);
}
