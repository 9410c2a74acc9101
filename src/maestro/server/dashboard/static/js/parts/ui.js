// Pieces every page is made of.

import { html, useEffect, useRef, useState } from "../html.js";
import { Icon } from "./icons.js";

export function PageHead({ title, lead, children }) {
  useEffect(() => {
    document.title = `${title} · Maestro`;
  }, [title]);
  return html`<header class="page-head">
    <div><h1>${title}</h1>${lead && html`<p class="lead">${lead}</p>`}</div>
    ${children && html`<div class="actions">${children}</div>`}
  </header>`;
}

export function Card({ title, note, children, class: extra = "", actions }) {
  return html`<section class=${`card ${extra}`}>
    ${(title || actions) && html`<header class="card-head"><h2>${title}</h2>${note && html`<p class="note">${note}</p>`}${actions}</header>`}
    ${children}
  </section>`;
}

export function Empty({ title, children }) {
  return html`<div class="empty"><p class="empty-title">${title}</p>${children && html`<div>${children}</div>`}</div>`;
}

export function Problem({ error, retry }) {
  return html`<div class="problem" role="alert">
    <${Icon} name="warning" />
    <div>
      <p class="problem-title">${error.title ?? "Something went wrong"}</p>
      <p>${error.message}</p>
      ${error.hint && html`<p class="note">${error.hint}</p>`}
      ${(error.errors ?? []).length > 0 && html`<ul class="bullets">${error.errors.map(
        (one) => html`<li key=${one.pointer}><code>${one.pointer}</code> ${one.detail}</li>`)}</ul>`}
    </div>
    ${retry && html`<button type="button" class="button" onClick=${retry}>Try again</button>`}
  </div>`;
}

/** What is not there yet is drawn as calm grey lines, never as zeros. */
export function Loading({ lines = 4, label = "Loading" }) {
  return html`<div class="loading" role="status"><span class="visually-hidden">${label}</span>
    ${Array.from({ length: lines }, (_, at) => html`<span class="bone" key=${at} />`)}</div>`;
}

/** Shows a resource: bones while it is loaded first, its problem, or what `children(data)` draws. */
export function Loaded({ from, lines, children }) {
  if (from.error && !from.data) return html`<${Problem} error=${from.error} retry=${from.reload} />`;
  if (!from.data) return html`<${Loading} lines=${lines} />`;
  return html`${from.error && html`<${Problem} error=${from.error} retry=${from.reload} />`}${children(from.data)}`;
}

export function Fact({ name, children, title }) {
  return html`<div class="fact" title=${title}><dt>${name}</dt><dd class="num">${children}</dd></div>`;
}

export function Tabs({ tabs, current, label, onChoose }) {
  const list = useRef(null);
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    // From where the focus is: keys come faster than what was chosen is drawn.
    const at = tabs.findIndex((tab) => tab.id === event.target.dataset.tab);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    onChoose(next.id);
    list.current.querySelector(`[data-tab="${next.id}"]`).focus();
    event.preventDefault();
  };
  return html`<div class="tabs" role="tablist" aria-label=${label} ref=${list} onKeyDown=${move}>
    ${tabs.map((tab) => html`<button key=${tab.id} role="tab" data-tab=${tab.id} class="tab" id=${`tab-${tab.id}`}
      aria-selected=${tab.id === current ? "true" : "false"} tabindex=${tab.id === current ? 0 : -1}
      aria-controls="tab-panel" onClick=${() => onChoose(tab.id)}>
      ${tab.title}${tab.count !== undefined && tab.count !== null && html`<span class="tab-count num">${tab.count}</span>`}
    </button>`)}
  </div>`;
}

export function Choice({ label, options, value, onChoose }) {
  return html`<div class="choice" role="group" aria-label=${label}>
    ${options.map(([id, text]) => html`<button key=${id} type="button" aria-pressed=${id === value ? "true" : "false"}
      onClick=${() => onChoose(id)}>${text}</button>`)}
  </div>`;
}

/** A search box that tells what was typed after a short pause. */
export function Search({ label, value, onSearch, placeholder }) {
  const [text, setText] = useState(value);
  const timer = useRef(null);
  useEffect(() => setText(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const typed = (event) => {
    setText(event.target.value);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onSearch(event.target.value.trim()), 200);
  };
  return html`<div class="search"><${Icon} name="search" size=${14} />
    <input type="search" aria-label=${label} placeholder=${placeholder ?? label} value=${text} onInput=${typed} /></div>`;
}

/** A scrollable region that the keyboard reaches, too. */
export function Scroll({ label, class: extra = "", children }) {
  return html`<div class=${`scroll ${extra}`} role="region" aria-label=${label} tabindex="0">${children}</div>`;
}

export function Bar({ parts, label }) {
  const total = parts.reduce((sum, part) => sum + part.value, 0);
  return html`<div class="bar" role="img" aria-label=${label}>
    ${total > 0 && parts.filter((part) => part.value > 0).map((part) => html`<span key=${part.tone} class=${`fill-${part.tone}`}
      style=${{ flexGrow: part.value }} />`)}</div>`;
}
