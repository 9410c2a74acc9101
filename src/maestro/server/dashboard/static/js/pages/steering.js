// What people may ask of a run: each with a confirmation and a reason. Only what the server says
// is legal now, and allowed to whoever asks, is offered.

import { post } from "../api.js";
import { html } from "../html.js";
import { ask, say } from "../parts/dialog.js";

const RUN_VERBS = {
  pause: { word: "Pause", done: "The run pauses", title: "Pause this run?", text: "Steps at work are let to end; nothing more starts. It can be resumed at any time." },
  resume: { word: "Resume", done: "The run goes on", title: "Resume this run?", text: "Finished steps are kept. What failed or was blocked is tried again.", primary: true },
  retry: { word: "Retry all", done: "The steps are tried again", title: "Try the failed and blocked steps again?", text: "Each gets a further attempt; earlier attempts stay in the journal." },
  rework: { word: "Give back for rework", done: "The work was given back", title: "Give the refused work back?", text: "The refused conditions and their evidence become the feedback of the next attempt; everything that depends on it runs again." },
  cancel: { word: "Cancel", done: "The run is cancelled", title: "Cancel this run for good?", text: "Steps at work are stopped. A cancelled run cannot be resumed.", danger: true },
};
const RUN_ORDER = ["rework", "resume", "pause", "cancel"];

const STEP_VERBS = {
  approve: { word: "Approve", done: "Approved", title: "Approve", text: "The run goes on from here.", primary: true, match: true },
  reject: { word: "Reject", done: "Rejected", title: "Reject", text: "The step is blocked, and with it everything that depends on it.", danger: true, reason: "required", match: true },
  retry: { word: "Retry", done: "The step is tried again", title: "Try this step again?", text: "It gets a further attempt; the earlier ones stay in the journal.", primary: true },
  rerun: { word: "Run again from here", done: "It runs again from here", title: "Run this step and what depends on it again?", text: "Their results are replaced by those of new attempts. Earlier attempts stay in the journal." },
  signal: { word: "Send the signal", done: "The signal was sent", title: "Send the signal it waits for", text: "The payload becomes the step's output.", primary: true, payload: true },
};
const STEP_ORDER = ["approve", "reject", "signal", "retry", "rerun"];
const URGENT = ["approve", "reject", "signal", "retry"];

export function RunButtons({ store, run }) {
  return html`${RUN_ORDER.filter((verb) => run.allowed.includes(verb) && sensible(verb, run)).map((verb) => {
    const rule = RUN_VERBS[verb];
    const primary = verb === "rework" ? reworkFirst(run) : rule.primary && !(verb === "resume" && reworkFirst(run));
    return html`<button key=${verb} class=${`button${primary ? " primary" : ""}${rule.danger ? " danger" : ""}`}
      onClick=${() => steerRun(store, run, verb)}>${rule.word}</button>`;
  })}`;
}

/** Resuming what already runs, or pausing what is paused, is legal but would change nothing. */
function sensible(verb, run) {
  if (verb === "resume") return ["paused", "blocked", "failed"].includes(run.status);
  if (verb === "pause") return run.status === "running";
  if (verb === "rework") return run.status === "blocked";
  return run.status !== "cancelled";
}

/** Where a gate refused the work, to try it again unchanged would bring the same refusal. */
function reworkFirst(run) {
  const refused = run.step_list.some((step) => step.action === "quality.gate" && step.status === "blocked");
  return refused && run.status === "blocked" && run.allowed.includes("rework");
}

/** All that can be asked of a step, or with `urgent` what gets a run going again. */
export function StepButtons({ store, run, step, urgent = false }) {
  return html`${(urgent ? URGENT : STEP_ORDER).filter((verb) => step.allowed.includes(verb)).map((verb) => {
    const rule = STEP_VERBS[verb];
    const primary = rule.primary && !(verb === "retry" && reworkFirst(run));
    return html`<button key=${verb} class=${`button small${primary ? " primary" : ""}${rule.danger ? " danger" : ""}`}
      onClick=${() => steerStep(store, run, step, verb)}>${rule.word}</button>`;
  })}`;
}

function steerRun(store, run, verb) {
  const rule = RUN_VERBS[verb];
  ask({
    title: rule.title,
    text: rule.text,
    confirm: rule.word,
    danger: rule.danger,
    reason: "optional",
    act: async ({ comment = "" }) => {
      const answer = await post(`/runs/${run.id}/${verb}`, { comment: comment.trim() });
      say(answer.changed ? rule.done : "It was already so");
      await store.refresh();
    },
  });
}

function steerStep(store, run, step, verb) {
  const rule = STEP_VERBS[verb];
  const fields = rule.payload ? [{ name: "payload", label: "Payload (JSON)", type: "textarea", value: "{}" }] : [];
  ask({
    title: rule.match ? `${rule.title} “${step.title}”?` : rule.title,
    text: rule.match ? rule.text : `${step.title}. ${rule.text}`,
    confirm: rule.word,
    danger: rule.danger,
    reason: rule.reason ?? "optional",
    fields,
    act: async ({ comment = "", payload }) => {
      const body = { comment: comment.trim() };
      if (rule.payload) body.payload = parsed(payload);
      const answer = await post(`/runs/${run.id}/steps/${step.id}/${verb}`, body, { match: rule.match ? step.etag : undefined });
      say(answer.changed ? rule.done : "It was already so");
      await store.refresh();
    },
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`The payload is not JSON: ${error.message}`);
  }
}
