// Asks for an API key when the server wants one; it is kept for this tab only.

import { keyRefused, useKey } from "../api.js";
import { html, useEffect, useState } from "../html.js";

export function KeyPage() {
  const [value, setValue] = useState("");
  useEffect(() => {
    document.title = "Sign in · Maestro";
  }, []);
  const submit = (event) => {
    event.preventDefault();
    useKey(value.trim());
  };
  return html`<main class="door"><form class="card" onSubmit=${submit}>
    <img src="icon.svg" width="40" height="40" alt="" />
    <h1>Maestro</h1>
    <p class="muted">This server asks for an API key. An administrator makes one with <code>maestro keys create</code>.</p>
    ${keyRefused.value && html`<p class="form-error" role="alert">The server does not accept the key. It may have expired or been revoked, or is not one of this server.</p>`}
    <div class="field"><label for="key">API key</label>
      <input id="key" type="password" autocomplete="off" required value=${value} onInput=${(event) => setValue(event.target.value)} />
      <p class="hint">Kept until this tab is closed.</p></div>
    <button class="button primary">Open the dashboard</button>
  </form></main>`;
}
