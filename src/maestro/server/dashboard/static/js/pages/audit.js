// Who asked for what, when, and whether it was allowed; and whether the record is whole.

import { get, getBlob, save } from "../api.js";
import { count, digest, moment } from "../format.js";
import { html } from "../html.js";
import { ask, attempt, say } from "../parts/dialog.js";
import { Icon } from "../parts/icons.js";
import { Status } from "../parts/status.js";
import { Card, Empty, Loaded, PageHead, Scroll } from "../parts/ui.js";
import { Listed } from "../parts/listed.js";
import { useGrowing, useResource } from "../resource.js";
import { href } from "../router.js";
import { may, projectsWith } from "../session.js";

const PAGE = 50;

export function AuditPage() {
  if (!may("audit:read")) return html`<${PageHead} title="Audit" /><${Empty} title="You may not read the audit log" />`;
  return html`<${AuditLog} />`;
}

function AuditLog() {
  const list = useGrowing("/audit", { limit: PAGE }, { idOf: (one) => one.number });
  const chain = useResource(() => get("/audit/verification"), []);
  return html`<${PageHead} title="Audit" lead="Every request that changes something, also those that were refused. Each record is chained to the one before."><${Report} /><//>
    <${Loaded} from=${chain} lines=${1}>${(told) => html`<${Chain} told=${told} onVerify=${chain.reload} />`}<//>
    <${Listed} list=${list} lines=${8} more="Show older records">${(items) => items.length === 0
      ? html`<${Card}><${Empty} title="Nothing has been asked yet" /><//>`
      : html`<${Card} class="flush"><${Scroll} label="Audit log"><table class="cards"><thead><tr><th>#</th><th>When</th><th>Who</th><th>Action</th><th>Target</th><th>Decision</th></tr></thead>
      <tbody>${items.map((one) => html`<tr key=${one.number}><td class="num faint">${one.number}</td><td class="nowrap num">${moment(one.at)}</td><td>${one.principal}</td><td><code>${one.action}</code></td><td class="break"><${Target} target=${one.target} /></td>
        <td><${Status} status=${one.allowed ? "succeeded" : "blocked"} word=${one.allowed ? "Allowed" : "Denied"} quiet /></td></tr>`)}</tbody></table><//><//>`}<//>`;
}

const REPORT_FORMATS = { md: "Markdown", json: "JSON" };

/** Who approved or waived what, when, on which evidence. */
function Report() {
  const fetched = async ({ since, project, format }) => {
    save(await getBlob("/audit/report", { since, project, format }), `compliance-report.${format}`);
    say("The report was saved");
  };
  const open = async () => {
    const projects = (await attempt(() => projectsWith("audit:read"))) ?? [];
    ask({
      title: "Compliance report",
      text: "Who approved, rejected or waived what, when, and on which evidence.",
      confirm: "Download",
      fields: [
        { name: "since", label: "From", type: "date", hint: "Empty means from the beginning." },
        { name: "project", label: "Project", type: "select", value: "", options: [["", "All that you may see"], ...projects.map((id) => [id, id])] },
        { name: "format", label: "Format", type: "select", value: "md", options: Object.entries(REPORT_FORMATS) },
      ],
      act: fetched,
    });
  };
  return html`<button class="button" onClick=${open}><${Icon} name="download" size=${14} />Compliance report</button>`;
}

function Target({ target }) {
  const run = /^run-[0-9a-f]+/.exec(target ?? "");
  return run ? html`<a href=${href(["runs", run[0]])}><code>${target}</code></a>` : html`<code>${target}</code>`;
}

function Chain({ told, onVerify }) {
  const { intact, records, head, fault } = told;
  return html`<section class=${`attention tone-${intact ? "succeeded" : "failed"}`} aria-label="Chain"><div><p><${Status} status=${intact ? "succeeded" : "failed"} word=${intact ? "The chain is whole" : "The chain is broken"} quiet /> <span class="note num">${count(records, "record")}${head ? html`, head <code>${digest(head)}</code>` : ""}</span></p>
    ${fault && html`<p>${fault}</p>`}</div><div class="actions"><button class="button small" onClick=${onVerify}>Verify again</button></div></section>`;
}
