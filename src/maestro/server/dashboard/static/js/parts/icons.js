// Small line drawings, 16 by 16. They always stand beside a word, so readers skip them.

import { html } from "../html.js";

const PATHS = {
  succeeded: "M3.5 8.5l3 3 6-7",
  failed: "M4 4l8 8M12 4l-8 8",
  blocked: "M8 1.8l5.6 3.1v6.2L8 14.2l-5.6-3.1V4.9zM5 8h6",
  running: "M8 2a6 6 0 1 1-5.2 3",
  waiting: "M8 2.2a5.8 5.8 0 1 0 0 11.6a5.8 5.8 0 1 0 0-11.6M8 5v3.2l2 1.5",
  awaiting: "M8 7.4a2.7 2.7 0 1 0 0-5.4a2.7 2.7 0 1 0 0 5.4M2.8 14c.5-2.7 2.5-4.2 5.2-4.2s4.7 1.5 5.2 4.2",
  paused: "M5.5 3.5v9M10.5 3.5v9",
  pending: "M8 3a5 5 0 1 0 0 10a5 5 0 1 0 0-10",
  ready: "M6 4.5l5 3.5-5 3.5z",
  skipped: "M3 5l4 3-4 3M9 5l4 3-4 3",
  cancelled: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M4.2 4.2l7.6 7.6",
  interrupted: "M9 2L4.5 9H8l-1 5 4.5-7H8z",
  warning: "M8 2.5l6 11H2zM8 6.5v3.2M8 11.5v.2",
  unknown: "M6 6a2 2 0 1 1 2.7 1.9c-.5.2-.7.6-.7 1.1v.5M8 12v.2",
  runs: "M2.5 4h11M2.5 8h11M2.5 12h7",
  plus: "M8 3.5v9M3.5 8h9",
  catalogue: "M3 2.5h4v11H3zM9 2.5h4v5H9zM9 9.5h4v4H9z",
  agents: "M6 7a2.3 2.3 0 1 0 0-4.6a2.3 2.3 0 1 0 0 4.6M1.8 13c.4-2.3 2-3.6 4.2-3.6s3.8 1.3 4.2 3.6M10.5 7a2 2 0 1 0-.6-3.9M11.8 9.5c1.4.4 2.2 1.6 2.4 3.3",
  history: "M2.5 13.5v-5M6.2 13.5v-9M9.8 13.5v-6M13.5 13.5v-11",
  contracts: "M4 2h5.5L12.5 5v9H4zM9 2v3.5h3.5M6 8.5h4.5M6 11h3",
  policy: "M8 1.8l5 2v4c0 3-2 5.2-5 6.4-3-1.2-5-3.4-5-6.4v-4zM5.8 8l1.6 1.6 2.8-3.2",
  audit: "M3 3h10M3 6.5h10M3 10h6M11 11.5l1.2 1.2 2-2.4",
  settings: "M2.5 5h6M12 5h1.5M10.2 3.4a1.6 1.6 0 1 0 0 3.2a1.6 1.6 0 1 0 0-3.2M2.5 11H4M7.5 11h6M5.8 9.4a1.6 1.6 0 1 0 0 3.2a1.6 1.6 0 1 0 0-3.2",
  workflows: "M2.5 3h4v3.5h-4zM9.5 9.5h4V13h-4zM4.5 6.5v4.8h5",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  close: "M4 4l8 8M12 4l-8 8",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9M10.3 10.3l3.2 3.2",
  download: "M8 2.5v7M5 7l3 3 3-3M3 13h10",
  right: "M6 3.5L10.5 8 6 12.5",
  file: "M4 2h5.5L12.5 5v9H4zM9 2v3.5h3.5",
};

export function Icon({ name, size = 16, label }) {
  return html`<svg class=${`icon icon-${name}`} width=${size} height=${size} viewBox="0 0 16 16" fill="none"
    stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"
    aria-hidden=${label ? undefined : "true"} role=${label ? "img" : undefined} aria-label=${label}>
    <path d=${PATHS[name] ?? PATHS.unknown} /></svg>`;
}
