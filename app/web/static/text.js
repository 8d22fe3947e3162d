/** A text, continued word by word. */

import { bars, el, find, trouble } from "./dom.js";
import { copies, tell } from "./calls.js";
import { say, words } from "./language.js";
import { fitserve } from "./service.js";

const ALTERNATIVES = 5;

/** Whether no earlier choice reads the same: pieces of different words may. */
const isFirst = ({ word }, place, choices) => choices.findIndex((other) => other.word === word) === place;

export function startText(section) {
  const form = find("form", section);
  const told = find(".told", section);
  const others = find(".others", section);
  const state = find(".state", section);
  let running = null;

  function wish() {
    const given = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
    for (const name of ["next_words", "temperature", "top_k", "top_p", "seed"]) {
      if (name in given) given[name] = Number(given[name]);
    }
    return given;
  }

  function word(step) {
    const one = el("button", { type: "button", className: "word", textContent: step.word });
    one.onclick = () => {
      const choices = [step, ...(step.alternatives ?? [])].filter(isFirst);
      others.replaceChildren(
        el("h3", {}, words("text.others")),
        bars(choices.map((choice) => [choice.word || "⏎", choice.probability ?? 0])),
      );
    };
    return one;
  }

  async function write() {
    running = new AbortController();
    form.classList.add("running");
    others.replaceChildren();
    say(state, "text.writing");
    trouble(section);
    const asked = wish();
    told.replaceChildren(asked.seed_text ?? "");
    tell({ method: "POST", path: "/generate", json: asked, javascript: `generate(${JSON.stringify(asked)})` });
    try {
      const wished = { seed_text: "", ...asked, alternatives: ALTERNATIVES };
      for await (const { event, data } of fitserve.stream(wished, { signal: running.signal })) {
        if (event === "word") told.append(" ", word(data));
        else say(state, data.ignored_words.length ? "text.ignored" : "text.done", { words: data.ignored_words.join(", ") });
      }
    } catch (fault) {
      say(state, fault.name === "AbortError" ? "text.stopped" : "text.failed");
      trouble(section, fault);
    } finally {
      running = null;
      form.classList.remove("running");
    }
  }

  form.onsubmit = (event) => {
    event.preventDefault();
    if (!running) write();
  };
  find(".stop", form).onclick = () => running?.abort();
  copies(find(".copy", section), () => told.textContent);
}
