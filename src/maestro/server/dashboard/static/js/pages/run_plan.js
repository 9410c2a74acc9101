// What was understood and decided before the work began.

import { get } from "../api.js";
import { html } from "../html.js";
import { Empty, Loaded } from "../parts/ui.js";

import { PlanView, Reasons } from "../parts/plan.js";
import { useResource } from "../resource.js";
import { href } from "../router.js";

export function PlanTab({ store, run }) {
  const plan = useResource(() => get(`/runs/${run.id}/plan`), [run.id], store.version.value);
  return html`<${Loaded} from=${plan} lines=${8}>${(told) => {
    if (!told.plan) return html`<${Reasons} reasons=${told.reasons} /><${Empty} title="There is no plan yet" />`;
    return html`${run.kind === "plan" && run.status === "succeeded" && html`<p class="row"><span class="note">This run only planned.</span><a class="button primary" href=${href(["build"], { plan: run.id })}>Build this plan</a></p>`}
      <${PlanView} plan=${told.plan} groups=${told.expected_groups} />`;
  }}<//>`;
}
