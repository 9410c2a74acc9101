// A status is always a colour, a shape and a word. Failed (it broke) and blocked (it was refused)
// share none of the three.

import { html } from "../html.js";
import { sentence } from "../format.js";
import { Icon } from "./icons.js";

const TONES = {
  succeeded: "succeeded",
  passed: "succeeded",
  pass: "succeeded",
  fulfilled: "succeeded",
  verified: "succeeded",
  approved: "succeeded",
  running: "running",
  agreed: "running",
  live: "running",
  failed: "failed",
  fail: "failed",
  error: "failed",
  breached: "failed",
  blocked: "blocked",
  refused: "blocked",
  awaiting: "awaiting",
  requested: "awaiting",
  waived: "awaiting",
  waiting: "waiting",
  interrupted: "waiting",
  warn: "blocked",
  not_measured: "blocked",
};

const WORDS = { awaiting: "Needs you", waiting: "Waits to retry" };

export function tone(status) {
  return TONES[String(status).toLowerCase()] ?? "idle";
}

const ICONS = { succeeded: "succeeded", failed: "failed", blocked: "blocked", running: "running", awaiting: "awaiting", waiting: "waiting" };
const OWN = new Set(["paused", "pending", "ready", "skipped", "cancelled", "interrupted"]);

export function iconOf(status) {
  const name = String(status).toLowerCase();
  return OWN.has(name) ? name : ICONS[tone(name)] ?? "pending";
}

export function statusWord(status) {
  return WORDS[status] ?? sentence(String(status).toLowerCase());
}

export function Status({ status, word, quiet = false }) {
  const text = word ?? statusWord(status);
  return html`<span class=${`status tone-${tone(status)}${quiet ? " quiet" : ""}`}>
    <${Icon} name=${iconOf(status)} size=${13} />${text}</span>`;
}
