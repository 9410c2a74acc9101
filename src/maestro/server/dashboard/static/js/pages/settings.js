// What this server is, whether it is well, what it can do here, and whom it tells.

import { get, health as asked } from "../api.js";
import { duration, moment, sentence } from "../format.js";
import { html } from "../html.js";
import { Status } from "../parts/status.js";
import { Card, Fact, Loaded, PageHead, Tabs } from "../parts/ui.js";
import { useEvery, useResource } from "../resource.js";
import { go } from "../router.js";
import { may, me } from "../session.js";
import { DoctorTab } from "./doctor.js";
import { ProjectsTab } from "./projects_tab.js";
import { WebhooksTab } from "./webhooks.js";

const TABS = [{ id: "server", title: "Server" }, { id: "doctor", title: "Doctor" }, { id: "projects", title: "Projects" }, { id: "webhooks", title: "Webhooks", needs: "webhook:manage" }];
const PAGES = { server: ServerTab, doctor: DoctorTab, projects: ProjectsTab, webhooks: WebhooksTab };

export function SettingsPage({ parts }) {
  const tabs = TABS.filter((one) => !one.needs || may(one.needs));
  const tab = tabs.some((one) => one.id === parts[0]) ? parts[0] : "server";
  const Shown = PAGES[tab];
  return html`<${PageHead} title="Settings" lead="What this server is, whether it is well, what it can do here, and whom it tells." />
    <${Tabs} tabs=${tabs} current=${tab} label="Settings" onChoose=${(name) => go(["settings", name])} />
    <div role="tabpanel" id="tab-panel" aria-labelledby=${`tab-${tab}`} class="stack"><${Shown} /></div>`;
}

function ServerTab() {
  const system = useResource(() => get("/system"), []);
  const health = useResource(asked, []);
  useEvery(10_000, health.reload);
  return html`<${Card} title="Health"><${Loaded} from=${health}>${(told) => html`<ul class="checks health">${Object.entries(told.checks ?? { server: { status: told.status, detail: "what was checked is told to those who may read runs", seconds: null } }).map(([name, check]) => html`<li key=${name}>
      <${Status} status=${{ pass: "succeeded", warn: "warn", fail: "failed" }[check.status]} word=${{ pass: "Well", warn: "Look", fail: "Fails" }[check.status]} quiet />
      <span><b>${sentence(name)}</b> <span class="note break">${check.detail}</span></span>${check.seconds !== null && html`<span class="note num">${duration(check.seconds)}</span>`}</li>`)}</ul>`}<//><//>
    <${Card} title="Server"><${Loaded} from=${system}>${(told) => html`<dl class="facts">
      <${Fact} name="Version">${told.version}<//><${Fact} name="Started">${moment(told.started_at)}<//><${Fact} name="Active runs">${told.active_runs}<//>
      <${Fact} name="Most steps at once">${told.max_parallel}<//><${Fact} name="Sandbox">${told.sandbox}<//><${Fact} name="Store"><code class="break">${told.store}</code><//></dl>`}<//><//>
    <${Card} title="You"><dl class="facts"><${Fact} name="Name">${me.value.principal}<//><${Fact} name="Signed in by">${{ local: "being on this machine", key: "an API key", oidc: "an identity provider" }[me.value.authentication] ?? me.value.authentication}<//>
      ${Object.entries(me.value.projects).map(([project, role]) => html`<${Fact} key=${project} name=${project === "*" ? "In all projects" : `In ${project}`}>${role}<//>`)}</dl><//>`;
}
