// What a plan will take: measured in earlier runs, or said to be unknown.

import { get } from "../api.js";
import { UNKNOWN, count, duration, money } from "../format.js";
import { html, useState } from "../html.js";
import { useResource } from "../resource.js";
import { Card, Fact, Loaded } from "./ui.js";

export function Forecast({ run }) {
  const forecast = useResource(() => get(`/plans/${run}/forecast`), [run]);
  return html`<${Loaded} from=${forecast} lines=${3}>${(told) => html`<${Card} title="Expected" note=${basis(told)}>
    <dl class="facts">
      <${Fact} name="Time, side by side">${told.seconds === null ? UNKNOWN : `about ${duration(told.seconds)}`}<//>
      <${Fact} name="Time, one after the other">${told.sequential_seconds === null ? UNKNOWN : `about ${duration(told.sequential_seconds)}`}<//>
      ${told.players.length === 0
        ? html`<${Fact} name="Model cost">none<small>, no model is called</small><//>`
        : html`<${Fact} name="Tokens">${told.tokens === null ? UNKNOWN : `about ${told.tokens}`}<//><${Fact} name="Model cost">${told.cost === null ? UNKNOWN : `about ${money(told.cost)}`}<//>`}
    </dl>
    ${told.players.length > 0 && html`<p class="note gap-small">Work may go to ${told.players.map((name, at) => html`${at > 0 && ", "}<code key=${name}>${name}</code>`)}${told.cost === null ? "; what that costs has not been measured for every persona of this plan" : ""}.</p>`}
    ${told.unmeasured.length > 0 && html`<${Unmeasured} steps=${told.unmeasured} />`}<//>`}<//>`;
}

function basis(told) {
  if (told.runs === 0) return "no run of this project has ended yet, so nothing is measured";
  if (told.measured < told.steps) return `only ${told.measured} of ${count(told.steps, "step")} ${told.measured === 1 ? "has" : "have"} been measured in ${count(told.runs, "earlier run")}`;
  return `from the medians of such steps in ${count(told.runs, "earlier run")}; along the longest chain`;
}

const FEW = 6;

function Unmeasured({ steps }) {
  const [open, setOpen] = useState(false);
  const shown = open ? steps : steps.slice(0, FEW);
  return html`<p class="note gap-small">Never measured: ${shown.map((id, at) => html`${at > 0 && ", "}<code key=${id}>${id}</code>`)}${shown.length < steps.length && html` and <button class="plain" onClick=${() => setOpen(true)}>${steps.length - shown.length} more</button>`}</p>`;
}
