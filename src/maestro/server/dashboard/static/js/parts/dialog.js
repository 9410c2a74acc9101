// Confirmation of what changes something, with a reason that goes into the journal; and the short
// message that says what came of it.

import { html, signal, useEffect, useRef, useState } from "../html.js";
import { Icon } from "./icons.js";

const asked = signal(null);
export const notice = signal(null);

/**
 * @param question `title`, `text`, `confirm` (the button's word), `reason` ("", "optional" or
 *   "required"), `fields` [{name, label, type, value, hint}], `danger`, `act(answers)` (a promise)
 */
export function ask(question) {
  asked.value = question;
}

export function say(text, tone = "succeeded") {
  notice.value = { text, tone, at: Date.now() };
}

/** Does something that may fail, and says so where nothing else would. */
export async function attempt(act) {
  try {
    return await act();
  } catch (error) {
    complain(error);
    return null;
  }
}

function complain(error) {
  say(told(error), "failed");
}

const told = (error) => `${error.message}${error.hint ? ` ${error.hint}` : ""}`;

export function Dialogs() {
  return html`<${Question} /><${Notice} />`;
}

function Notice() {
  const shown = notice.value;
  useEffect(() => {
    if (!shown) return undefined;
    const timer = setTimeout(() => {
      if (notice.value === shown) notice.value = null;
    }, 6000);
    return () => clearTimeout(timer);
  }, [shown]);
  return html`<div class="notices" role="status" aria-live="polite">
    ${shown && html`<p class=${`notice tone-${shown.tone}`}><${Icon} name=${shown.tone} /> ${shown.text}</p>`}</div>`;
}

function Question() {
  const question = asked.value;
  const box = useRef(null);
  const [answers, setAnswers] = useState({});
  const [state, setState] = useState({ busy: false, error: null });
  useEffect(() => {
    if (!question) return;
    setAnswers(Object.fromEntries((question.fields ?? []).map((field) => [field.name, field.value ?? ""])));
    setState({ busy: false, error: null });
    if (!box.current.open) box.current.showModal();
  }, [question]);
  if (!question) return null;
  const close = () => {
    box.current?.close();
    asked.value = null;
  };
  const submit = async (event) => {
    event.preventDefault();
    setState({ busy: true, error: null });
    const open = () => asked.value === question; // it may have been left, and another one be open
    try {
      await question.act(answers);
      if (open()) close();
    } catch (error) {
      if (open()) setState({ busy: false, error });
      else complain(error);
    }
  };
  const change = (name) => (event) => {
    const value = event.target.value;
    setAnswers((before) => ({ ...before, [name]: value }));
  };
  const fields = [...(question.fields ?? [])];
  if (question.reason) {
    fields.push({ name: "comment", label: question.reason === "required" ? "Reason" : "Reason (optional)", type: "textarea", required: question.reason === "required", hint: "Kept in the journal." });
  }
  return html`<dialog class="dialog" ref=${box} aria-labelledby="question-title" onCancel=${() => { asked.value = null; }}>
    <form onSubmit=${submit}>
      <h2 id="question-title">${question.title}</h2>
      ${question.text && html`<p class="dialog-text">${question.text}</p>`}
      ${fields.map((field) => html`<${Field} key=${field.name} field=${field} value=${answers[field.name] ?? ""} onInput=${change(field.name)} />`)}
      ${state.error && html`<p class="form-error" role="alert">${told(state.error)}</p>`}
      <div class="dialog-actions">
        <button type="button" class="button" onClick=${close}>Back</button>
        <button type="submit" class=${`button ${question.danger ? "danger" : "primary"}`} disabled=${state.busy}>${question.confirm}</button>
      </div>
    </form>
  </dialog>`;
}

export function Field({ field, value, onInput }) {
  const id = `field-${field.name}`;
  const shared = { id, name: field.name, required: field.required, "aria-describedby": field.hint ? `${id}-hint` : undefined };
  let control;
  if (field.type === "textarea") {
    control = html`<textarea ...${shared} rows=${field.rows ?? 3} value=${value} onInput=${onInput} placeholder=${field.placeholder} maxlength=${field.most} />`;
  } else if (field.type === "select") {
    control = html`<select ...${shared} value=${value} onChange=${onInput}>${field.options.map(
      ([key, text]) => html`<option key=${key} value=${key} selected=${key === value}>${text}</option>`)}</select>`;
  } else {
    control = html`<input ...${shared} type=${field.type ?? "text"} value=${value} onInput=${onInput} min=${field.min} max=${field.max} step=${field.step} placeholder=${field.placeholder} />`;
  }
  return html`<div class="field"><label for=${id}>${field.label}</label>${control}
    ${field.hint && html`<p class="hint" id=${`${id}-hint`}>${field.hint}</p>`}</div>`;
}
