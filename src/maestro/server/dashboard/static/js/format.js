// Values as people read them. Pure: what is unknown is said to be unknown, never a number.

export const UNKNOWN = "unknown";

const two = (number) => String(number).padStart(2, "0");
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

export function duration(seconds) {
  if (!isNumber(seconds)) return UNKNOWN;
  if (seconds < 0) return "0 s";
  if (seconds < 0.995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** Seconds between two moments; a missing end means `now` (milliseconds). */
export function secondsBetween(start, end, now) {
  if (!start) return null;
  const until = end ? Date.parse(end) : now;
  return Math.max(0, (until - Date.parse(start)) / 1000);
}

export function ago(moment, now) {
  if (!moment) return UNKNOWN;
  const seconds = Math.max(0, (now - Date.parse(moment)) / 1000);
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Local date and time; the year only when it is not this one. */
export function moment(text, now) {
  if (!text) return UNKNOWN;
  const at = new Date(text);
  const year = at.getFullYear() === new Date(now ?? Date.now()).getFullYear() ? "" : ` ${at.getFullYear()}`;
  return `${at.getDate()} ${MONTHS[at.getMonth()]}${year}, ${two(at.getHours())}:${two(at.getMinutes())}`;
}

export function clock(text) {
  if (!text) return UNKNOWN;
  const at = new Date(text);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

/** A number of things as it is read: with its thousands apart, where there are many. */
export function grouped(number) {
  if (!isNumber(number)) return UNKNOWN;
  return number < 10_000 ? String(number) : number.toLocaleString("en-US");
}

export function bytes(size) {
  if (!isNumber(size)) return UNKNOWN;
  if (size < 1000) return `${size} B`;
  if (size < 1e6) return `${(size / 1e3).toFixed(size < 1e4 ? 1 : 0)} kB`;
  return `${(size / 1e6).toFixed(1)} MB`;
}

export function money(cost) {
  if (!isNumber(cost)) return UNKNOWN;
  if (cost === 0) return "$0";
  return cost < 0.01 ? "under $0.01" : `$${cost.toFixed(2)}`;
}

export function score(value) {
  return isNumber(value) ? value.toFixed(3) : UNKNOWN;
}

export function percent(value) {
  return isNumber(value) ? `${Math.round(value)} %` : UNKNOWN;
}

const SPELLED = { api: "API", qa: "QA", ui: "UI", devops: "DevOps", sdlc: "SDLC", rest: "REST", grpc: "gRPC", graphql: "GraphQL" };

/** `backend_api` -> `backend API`. */
export function words(slug) {
  return String(slug ?? "")
    .split(/[_ -]/)
    .map((word) => SPELLED[word] ?? word)
    .join(" ");
}

export function sentence(slug) {
  const text = words(slug);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function shorten(text, most) {
  return text.length <= most ? text : `${text.slice(0, most - 1).trimEnd()}…`;
}

/** `sha256:abcdef…` or `abcdef…` -> its first twelve digits. */
export function digest(text) {
  return String(text ?? "").replace(/^sha256:/, "").slice(0, 12);
}

/** A JSON value on one line or over several, as it is best read. */
export function json(value) {
  const line = JSON.stringify(value);
  if (line === undefined) return "";
  return line.length <= 72 ? line : JSON.stringify(value, null, 2);
}

export function scalar(value) {
  if (value === null || value === undefined) return "–";
  if (isNumber(value)) return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
