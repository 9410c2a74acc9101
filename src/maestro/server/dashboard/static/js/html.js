// The one place that knows which library draws: everything else imports from here.
import { Fragment, h, render } from "../vendor/preact.js";
import htm from "../vendor/htm.js";

export { Fragment, h, render };
export { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/hooks.js";
export { computed, effect, signal } from "../vendor/signals-core.js";
import "../vendor/signals.js"; // makes components follow the signals they read

export const html = htm.bind(h);
