/** What changes a model: asked about first, done then, and told as a call. */

import { showSnippet } from "./code_snippets.js";
import { confirmed } from "./dialogs.js";
import { button } from "./dom.js";
import { fitserve } from "./service.js";
import { showingErrors } from "./error_notice.js";

/**
 * A button that asks before it acts. `describe()` gives the action as it is now: the question and its values, the button's text, how
 * it is done and by which call; `done` shows anew what has changed.
 */
export function confirmAction(key, place, describe, done) {
  return button(key, async () => {
    const { question, values, action, act, call } = describe();
    if (!(await confirmed(question, values, action))) return;
    const went = await showingErrors(place, async () => {
      await act();
      await done();
    });
    if (went) showSnippet(call);
  });
}

export function promote(place, model, version, done) {
  const describe = () => ({
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
  return confirmAction("models.promote", place, describe, done);
}

export function removal(place, model, done) {
  const describe = () => ({
    question: "models.sure_delete",
    values: { model },
    action: "models.do_delete",
    act: () => fitserve.deleteModel(model),
    call: { method: "DELETE", path: `/models/${model}`, javascript: `deleteModel("${model}")` },
  });
  return confirmAction("models.delete", place, describe, done);
}

export function rollback(place, model, version, done) {
  const describe = () => ({
    question: "models.sure_rollback",
    values: { model, version },
    action: "models.do_rollback",
    act: () => fitserve.rollback(model),
    call: { method: "POST", path: `/models/${model}/rollback`, javascript: `rollback("${model}")` },
  });
  return confirmAction("models.rollback", place, describe, done);
}
