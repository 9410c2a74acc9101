// A list that grows downwards, with the button that asks for more of it.

import { html } from "../html.js";
import { attempt } from "./dialog.js";
import { Loading, Problem } from "./ui.js";

/** Shows what `useGrowing` gives: bones before the first answer, its problem, what `children(items)` draws. */
export function Listed({ list, lines, more, children }) {
  const { items, next, error } = list;
  return html`${error && html`<${Problem} error=${error} retry=${list.refresh} />`}
    ${!items && !error && html`<${Loading} lines=${lines} />`}
    ${items && children(items)}
    ${items && next && html`<div><button class="button" onClick=${() => attempt(list.more)}>${more}</button></div>`}`;
}
