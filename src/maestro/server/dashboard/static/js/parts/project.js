// The choice of a project, where there is one.

import { get } from "../api.js";
import { html } from "../html.js";
import { useResource } from "../resource.js";
import { Problem } from "./ui.js";

export function ProjectChoice({ value, onChoose }) {
  const projects = useResource(() => get("/projects"), []);
  const ids = (projects.data?.items ?? []).map((one) => one.id);
  return html`${(ids.length > 1 || value) && html`<select aria-label="Project" value=${value} onChange=${(event) => onChoose(event.target.value)}>
      <option value="">All projects</option>
      ${[...new Set([...ids, ...(value ? [value] : [])])].map((id) => html`<option key=${id} value=${id} selected=${id === value}>${id}</option>`)}
    </select>`}
    ${projects.error && html`<${Problem} error=${projects.error} retry=${projects.reload} />`}`;
}
