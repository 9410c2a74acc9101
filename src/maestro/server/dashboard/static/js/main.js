// The frame: navigation, the page that the address names, and the door for a key.

import { key, keyWanted, signOut } from "./api.js";
import { html, render, useEffect, useState } from "./html.js";
import { connection } from "./live.js";
import { AgentsPage } from "./pages/agents.js";
import { AuditPage } from "./pages/audit.js";
import { BuildPage } from "./pages/build.js";
import { CataloguePage } from "./pages/catalogue.js";
import { HistoryPage } from "./pages/history.js";
import { KeyPage } from "./pages/key.js";
import { PolicyPage } from "./pages/policy.js";
import { RunPage } from "./pages/run.js";
import { RunsPage } from "./pages/runs.js";
import { SettingsPage } from "./pages/settings.js";
import { WorkflowsPage } from "./pages/workflows.js";
import { Dialogs } from "./parts/dialog.js";
import { Icon } from "./parts/icons.js";
import { Empty, PageHead, Problem } from "./parts/ui.js";
import { href, isIdentifier, route } from "./router.js";
import { chooseTheme, me, meet, theme } from "./session.js";

const NAVIGATION = [
  [["runs", "Runs", "runs"], ["build", "New build", "plus"], ["workflows", "Workflows", "workflows"]],
  [["history", "History and lessons", "history"], ["catalogue", "Catalogue", "catalogue"], ["agents", "Agents", "agents"]],
  [["policy", "Policy", "policy"], ["audit", "Audit", "audit"], ["settings", "Settings", "settings"]],
];

const PAGES = {
  build: BuildPage,
  workflows: WorkflowsPage,
  history: HistoryPage,
  catalogue: CataloguePage,
  agents: AgentsPage,
  policy: PolicyPage,
  audit: AuditPage,
  settings: SettingsPage,
};

function Page() {
  const { parts } = route.value;
  if (parts[0] === "runs" && isIdentifier(parts[1])) return html`<${RunPage} key=${parts[1]} id=${parts[1]} tab=${parts[2]} />`;
  if (parts[0] === "runs" && parts.length === 1) return html`<${RunsPage} />`;
  const Named = Object.hasOwn(PAGES, parts[0]) ? PAGES[parts[0]] : null;
  if (Named) return html`<${Named} parts=${parts.slice(1)} />`;
  return html`<${PageHead} title="Not found" /><${Empty} title="There is no such page"><a href="#/runs">Go to the runs</a><//>`;
}

const LINK_WORDS = { live: "Live", off: "Connection lost, trying again" };

function Side({ open }) {
  const current = route.value.parts[0];
  return html`<div class=${`side${open ? " open" : ""}`} id="navigation">
    <a class="brand" href="#/runs"><img src="icon.svg" width="24" height="24" alt="" />Maestro</a>
    <nav aria-label="Pages">${NAVIGATION.map((group, at) => html`<ul key=${at}>${group.map(
      ([id, title, icon]) => html`<li key=${id}><a href=${href([id])} aria-current=${current === id ? "page" : undefined}>
        <${Icon} name=${icon} />${title}</a></li>`)}</ul>`)}</nav>
    <div class="foot">
      <${ThemeChoice} />
      ${connection.value !== "idle" && html`<span class=${`link-state ${connection.value}`}>${LINK_WORDS[connection.value]}</span>`}
      ${me.value && html`<span>Signed in as ${me.value.principal}</span>`}
      ${me.value && key() && html`<button class="button small" onClick=${signOut}>Sign out</button>`}
    </div>
  </div>`;
}

function ThemeChoice() {
  return html`<label class="theme">Theme
    <select value=${theme.value} onChange=${(event) => chooseTheme(event.target.value)}>
      ${[["auto", "as the system"], ["light", "light"], ["dark", "dark"]].map(
        ([id, text]) => html`<option key=${id} value=${id} selected=${theme.value === id}>${text}</option>`)}
    </select></label>`;
}

function Frame() {
  const [open, setOpen] = useState(false);
  const [problem, setProblem] = useState(null);
  const address = route.value.parts.slice(0, 2).join("/");
  const begin = () => meet().then(() => setProblem(null), setProblem);
  useEffect(() => {
    if (!keyWanted.value) begin();
  }, [keyWanted.value]);
  useEffect(() => {
    setOpen(false);
    scrollTo(0, 0);
  }, [address]);
  if (keyWanted.value) return html`<${KeyPage} />`;
  return html`<div class="frame">
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.getElementById("main").focus(); }}>Skip to the page</a>
    <header class="top"><a class="brand" href="#/runs"><img src="icon.svg" width="24" height="24" alt="" />Maestro</a>
      <button class="button icon-only" aria-expanded=${open ? "true" : "false"} aria-controls="navigation" onClick=${() => setOpen(!open)}>
        <${Icon} name=${open ? "close" : "menu"} label=${open ? "Close the menu" : "Menu"} /></button></header>
    <${Side} open=${open} />
    <main class="main" id="main" tabindex="-1"><div class="page">
      ${me.value && html`<${Page} />`}
      ${!me.value && problem && html`<${Problem} error=${problem} retry=${begin} />`}
    </div></main>
    <${Dialogs} />
  </div>`;
}

render(html`<${Frame} />`, document.getElementById("app"));
