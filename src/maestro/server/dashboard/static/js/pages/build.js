// A new build: say what is wanted, look at the plan with its team and cost, then start it.

import { get, getAll, post } from "../api.js";
import { sentence } from "../format.js";
import { Forecast } from "../parts/forecast.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { Field, say } from "../parts/dialog.js";
import { PlanView, Reasons } from "../parts/plan.js";
import { Status } from "../parts/status.js";
import { Card, Empty, Fact, Loading, PageHead, Problem } from "../parts/ui.js";
import { useResource } from "../resource.js";
import { amend, go, isIdentifier, route } from "../router.js";
import { may, projectsWith } from "../session.js";

const MOST = 20_000;
const RESTING = new Set(["succeeded", "blocked", "failed", "cancelled"]);

const OPTIONS = [
  { name: "environment", label: "Meant for", type: "select", value: "development", options: [["development", "Development"], ["staging", "Staging"], ["production", "Production"]], hint: "A later one demands more of every gate." },
  { name: "preference", label: "Work", type: "select", value: "auto", options: [["auto", "As it fits"], ["parallel", "Side by side"], ["sequential", "One after the other"]] },
  { name: "quality_threshold", label: "Least score", type: "number", value: "0.8", min: 0, max: 1, step: 0.05, hint: "0 to 1; the review gate refuses less." },
  { name: "max_parallel", label: "Most steps at once", type: "number", value: "", min: 1, step: 1, placeholder: "as the server is set" },
];

export function BuildPage() {
  const { plan: named } = route.value.query;
  const asked = isIdentifier(named) ? named : null;
  const [text, setText] = useState("");
  const [options, setOptions] = useState(Object.fromEntries(OPTIONS.map((field) => [field.name, field.value])));
  const [partial, setPartial] = useState(false);
  const [blueprint, setBlueprint] = useState("");
  const [project, setProject] = useState("");
  const [state, setState] = useState({ busy: "", error: null });
  const plan = usePlan(asked);
  const changed = useRef(false);
  const mayBuild = may("run:create");
  const blueprints = useResource(async () => (mayBuild ? getAll("/blueprints") : []), []);
  const allowed = useResource(async () => (mayBuild ? projectsWith("run:create") : []), []);
  const earlier = useResource(async () => (mayBuild && asked ? get(`/runs/${asked}`) : null), [asked]);
  useEffect(() => {
    if (earlier.data) setText((before) => before || (earlier.data.requirement ?? ""));
  }, [earlier.data]);
  if (!mayBuild) return html`<${PageHead} title="New build" /><${Empty} title="You may look at runs, but not start them" />`;

  const projects = allowed.data ?? [];
  const chosen = project || (projects.includes("default") ? "default" : projects[0]);
  const body = () => ({
    requirement: text.trim(),
    ...(chosen ? { project: chosen } : {}),
    constraints: {
      environment: options.environment,
      preference: options.preference,
      quality_threshold: Number(options.quality_threshold),
      allow_partial: partial,
      ...(options.max_parallel ? { max_parallel: Number(options.max_parallel) } : {}),
      ...(blueprint ? { blueprint } : {}),
    },
  });
  const preview = async (event) => {
    event.preventDefault();
    setState({ busy: "plan", error: null });
    try {
      const answer = await post("/plans", body(), { start: true });
      changed.current = false;
      amend({ plan: answer.run_id });
      setState({ busy: "", error: null });
    } catch (error) {
      setState({ busy: "", error });
    }
  };
  const start = async (fromPlan) => {
    setState({ busy: "start", error: null });
    try {
      const run = await post("/runs", fromPlan ? { plan_of: asked } : body(), { start: true });
      say("The build has started");
      go(["runs", run.id]);
    } catch (error) {
      setState({ busy: "", error });
    }
  };
  const change = (take) => {
    changed.current = true;
    take();
  };
  const typed = (event) => change(() => setText(event.target.value));
  const set = (name) => ({ target: { value } }) => change(() => setOptions((before) => ({ ...before, [name]: value })));
  const ready = text.trim().length > 0 && text.length <= MOST;
  return html`<${PageHead} title="New build" lead="Say in plain English what is wanted. Look at the plan first; nothing is built until you start it." />
    <form class="card build-form" onSubmit=${preview}>
      <div class="field"><label for="requirement">Requirement</label>
        <textarea id="requirement" rows="5" maxlength=${MOST} required value=${text} onInput=${typed}
          placeholder="A task management web app: users create projects, tasks have a title, a status (todo, doing, done) and a due date, can be assigned to a member and filtered by status" />
        <p class="hint num">${text.length > 0 ? `${text.length} of ${MOST} characters` : "Name the things to be kept, their fields, who uses them and what they do."}</p></div>
      ${projects.length > 1 && html`<div class="option-grid"><${Field} field=${{ name: "project", label: "Project", type: "select", options: projects.map((id) => [id, id]) }} value=${chosen} onInput=${(event) => change(() => setProject(event.target.value))} /></div>`}
      <details class="fold"><summary><span class="field-label">Options</span></summary>
        <div class="option-grid">
          ${OPTIONS.map((field) => html`<${Field} key=${field.name} field=${field} value=${options[field.name]} onInput=${set(field.name)} />`)}
          <${Field} field=${{ name: "blueprint", label: "Blueprint", type: "select", options: [["", "The best match"], ...(blueprints.data ?? []).map((one) => [one.id, one.name])] }} value=${blueprint} onInput=${(event) => change(() => setBlueprint(event.target.value))} />
          <label class="check"><input type="checkbox" checked=${partial} onChange=${(event) => change(() => setPartial(event.target.checked))} /><span>Accept a result from which parts are left out<span class="hint"> (they are named)</span></span></label>
        </div></details>
      ${[allowed, blueprints, earlier].map((one) => one.error && html`<${Problem} error=${one.error} retry=${one.reload} />`)}
      ${state.error && html`<${Problem} error=${state.error} />`}
      <div class="actions">
        <button class="button primary" disabled=${!ready || state.busy !== ""}>${state.busy === "plan" ? "Asking" : "Show the plan"}</button>
        <button type="button" class="button" disabled=${!ready || state.busy !== ""} onClick=${() => start(false)}>Start without looking</button>
      </div>
    </form>
    ${asked && html`<${Preview} plan=${plan} changed=${changed.current} busy=${state.busy === "start"} onStart=${() => start(true)} />`}`;
}

/** Asks until the plan run has come to rest. */
function usePlan(id) {
  const [state, setState] = useState({ told: null, error: null });
  useEffect(() => {
    setState({ told: null, error: null });
    if (!id) return undefined;
    const stop = new AbortController();
    (async () => {
      try {
        for (;;) {
          const told = await get(`/plans/${id}`, { wait: 20 }, { signal: stop.signal });
          setState({ told, error: null });
          if (RESTING.has(told.status)) return;
        }
      } catch (error) {
        if (error.name !== "AbortError") setState({ told: null, error });
      }
    })();
    return () => stop.abort();
  }, [id]);
  return state;
}

function Preview({ plan, changed, busy, onStart }) {
  if (plan.error) return html`<${Problem} error=${plan.error} />`;
  const { told } = plan;
  if (!told || !RESTING.has(told.status)) {
    return html`<${Card} title="Plan"><p class="row"><${Status} status="running" word="Reading the requirement" quiet /></p><${Loading} lines=${5} /><//>`;
  }
  if (!told.plan) return html`<${Reasons} reasons=${told.reasons} />${told.reasons.length === 0 && html`<${Empty} title="No plan came out of it" />`}`;
  const { analysis, team, contracts, steps } = told.plan;
  const people = new Set(team.members.map((member) => member.persona)).size;
  return html`<section class="card plan-head">
      <div><h2>${analysis.domain.title || sentence(analysis.type)}</h2>
      <dl class="facts"><${Fact} name="Team">${people}<small> personas</small><//><${Fact} name="Contracts">${contracts.length}<//><${Fact} name="Steps">${steps.length}<//></dl>
      ${changed && html`<p class="note">The form was changed since; this is still the plan of before.</p>`}</div>
      <button class="button primary" disabled=${busy || !analysis.buildable} onClick=${onStart}>${busy ? "Starting" : "Start this build"}</button>
    </section>
    <${Reasons} reasons=${told.reasons} />
    <${Forecast} run=${told.run_id} />
    <${PlanView} plan=${told.plan} groups=${told.expected_groups} />`;
}
