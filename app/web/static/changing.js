/** What changes a model: asked about first, done then, and told as a call. */

import { tell } from "./calls.js";
import { confirmed } from "./dialogs.js";
import { button } from "./dom.js";
import { fitserve } from "./service.js";
import { trying } from "./trouble.js";

/**
 * A button that asks before it acts. `wish()` says what is wished now: the question and its values, the button's text, how
 * it is done and by which call; `done` shows anew what has changed.
 */
export function changing(key, place, wish, done) {
  return button(key, async () => {
    const { question, values, action, act, call } = wish();
    if (!(await confirmed(question, values, action))) return;
    const went = await trying(place, async () => {
      await act();
      await done();
    });
    if (went) tell(call);
  });
}

export function promote(place, model, version, done) {
  const wish = () => ({
    question: "models.sure_promote",
    values: { model, version },
    action: "models.do_promote",
    act: () => fitserve.promote(model, version),
    call: {
      method: "PUT",
      path: `/models/${model}/aliases/live`,
      json: { version },
      javascript: `promote("${model}", ${version})`,
    },
  });
  return changing("models.promote", place, wish, done);
}

export function removal(place, model, done) {
  const wish = () => ({
    question: "models.sure_delete",
    values: { model },
    action: "models.do_delete",
    act: () => fitserve.deleteModel(model),
    call: { method: "DELETE", path: `/models/${model}`, javascript: `deleteModel("${model}")` },
  });
  return changing("models.delete", place, wish, done);
}

export function rollback(place, model, version, done) {
  const wish = () => ({
    question: "models.sure_rollback",
    values: { model, version },
    action: "models.do_rollback",
    act: () => fitserve.rollback(model),
    call: { method: "POST", path: `/models/${model}/rollback`, javascript: `rollback("${model}")` },
  });
  return changing("models.rollback", place, wish, done);
}
