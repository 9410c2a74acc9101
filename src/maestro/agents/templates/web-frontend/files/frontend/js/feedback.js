/**
 * What the page says by itself: short notices, error messages, and questions before deleting.
 */

import { fill, h, icon } from "./dom.js";
import { ICONS } from "./icons.js";

const NOTICE_MILLISECONDS = 5000;

/** A short notice that goes away by itself; screen readers hear it politely. */
export function notice(text) {
  const region = document.getElementById("notices");
  const close = h("button", { type: "button", class: "icon-button", "aria-label": "Dismiss" }, icon(ICONS.close));
  const item = h("div", { class: "notice" }, icon(ICONS.check), h("p", {}, text), close);
  const timer = setTimeout(() => item.remove(), NOTICE_MILLISECONDS);
  close.addEventListener("click", () => {
    clearTimeout(timer);
    item.remove();
  });
  region.append(item);
}

/** An error for people, with an action where something can be done. */
export function errorBox(title, detail, action) {
  return h(
    "div",
    { class: "alert", role: "alert" },
    icon(ICONS.alert),
    h("div", {}, h("p", { class: "alert-title" }, title), detail ? h("p", {}, detail) : null),
    action ? h("button", { type: "button", class: "button", on: { click: action.run } }, action.label) : null,
  );
}

/** The words for an error: the problem's own, or what the script says. */
export function messageOf(error) {
  const problem = error.problem;
  if (!problem) return error.message;
  const parts = (problem.errors ?? []).map((one) => one.detail).filter(Boolean);
  return problem.detail || parts.join(" ") || problem.title;
}

/**
 * Asks before something that cannot be undone.
 *
 * @param {{title: string, text: string, action: string}} question
 * @param {() => Promise<void>} run done while the dialog is open; its error is shown there
 * @returns {Promise<boolean>} whether it was done
 */
export function confirmed({ title, text, action }, run) {
  return new Promise((resolve) => {
    const problem = h("div", {});
    const cancel = h("button", { type: "button", class: "button", data: { action: "cancel" } }, "Cancel");
    const confirm = h("button", { type: "button", class: "button danger", data: { action: "confirm" } }, action);
    const dialog = h(
      "dialog",
      { class: "question", data: { confirm: "" }, "aria-labelledby": "question-title" },
      h("h2", { id: "question-title" }, title),
      h("p", {}, text),
      problem,
      h("div", { class: "buttons" }, cancel, confirm),
    );
    let done = false;
    cancel.addEventListener("click", () => dialog.close());
    confirm.addEventListener("click", async () => {
      confirm.disabled = true;
      try {
        await run();
        done = true;
        dialog.close();
      } catch (error) {
        fill(problem, errorBox("That did not work", messageOf(error)));
        confirm.disabled = false;
      }
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(done);
    });
    document.body.append(dialog);
    dialog.showModal();
    cancel.focus();
  });
}
