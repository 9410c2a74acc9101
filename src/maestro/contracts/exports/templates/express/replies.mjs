// Replies that keep to the contract: samples, stored entries that fit, problem details.
import { STATUS_CODES } from "node:http";
import { isJson, validatorOf } from "./schemas.mjs";

const NO_BODY = new Set([204, 205, 304]);
const USUAL = { create: 201, delete: 204 };

export class Refused extends Error {
  constructor(status, detail, violations = [], headers = {}) {
    super(detail);
    this.status = status;
    this.violations = violations;
    this.headers = headers;
  }
}

export function problemReply(refused) {
  const body = JSON.stringify(problem(refused));
  return { status: refused.status, headers: refused.headers, type: "application/problem+json", body };
}

function problem(refused) {
  const { status, message: detail, violations } = refused;
  const value = { type: "about:blank", title: STATUS_CODES[status] ?? "Error", status, detail };
  return violations.length ? { ...value, errors: violations } : value;
}

export class Replies {
  constructor(samples) {
    this.samples = new Map(Object.entries(samples));
  }

  // The sampled value of one property of the successful reply; undefined where there is none.
  sample(operation, name) {
    const found = this.found(operation, operation.success);
    const kind = found && Object.keys(found.content).find(isJson);
    const value = kind && this.of(operation, found.name, kind)?.value;
    return value && typeof value === "object" && Object.hasOwn(value, name) ? value[name] : undefined;
  }

  success(operation, request, outcome) {
    const usual = USUAL[outcome?.action] ?? 200;
    const declared = Object.hasOwn(operation.replies, String(usual));
    const known = /^[0-9]+$/.test(operation.success) ? Number(operation.success) : usual;
    const status = outcome && declared ? usual : known;
    return this.written(operation, status, request, outcome?.value);
  }

  checkAccept(operation, request) {
    const found = this.found(operation, operation.success);
    if (found) this.kind(found, request);
  }

  // What `Prefer: code=…` and `Prefer: example=…` ask for; undefined when they ask for nothing.
  wish(operation, request) {
    const asked = new Map();
    for (const part of (request.get("prefer") ?? "").split(/[;,]/)) {
      const [, name, value] = /^\s*(code|example)\s*=\s*"?([^"]*?)"?\s*$/i.exec(part) ?? [];
      if (name) asked.set(name.toLowerCase(), value);
    }
    if (asked.size === 0) return undefined;
    const code = asked.get("code");
    if (code !== undefined && !/^[1-5][0-9]{2}$/.test(code)) {
      throw new Refused(400, `Prefer: code=${JSON.stringify(code)} is no status; send three digits`);
    }
    const status = code ? Number(code) : this.found(operation, operation.success)?.code ?? 200;
    const found = this.found(operation, String(status));
    if (!found) {
      const known = Object.keys(operation.replies).join(", ");
      throw new Refused(400, `Prefer: ${status} is no answer of this operation; known: ${known}`);
    }
    const reply = this.written(operation, status, request, this.example(operation, found, request, asked));
    const applied = [...asked].map(([name, value]) => `${name}=${value.replace(/[^\x20-\x7e]/g, "?")}`);
    return { ...reply, headers: { ...reply.headers, "preference-applied": applied.join(", ") } };
  }

  example(operation, found, request, asked) {
    if (!asked.has("example")) return undefined;
    const kind = this.kind(found, request);
    const known = new Map(Object.entries(this.of(operation, found.name, kind)?.examples ?? {}));
    if (!known.has(asked.get("example"))) {
      const names = [...known.keys()].join(", ") || "none";
      throw new Refused(400, `Prefer: ${JSON.stringify(asked.get("example"))} is no example here; known: ${names}`);
    }
    return known.get(asked.get("example"));
  }

  // An error in the shape the contract gives it, else as problem details.
  refusal(operation, refused) {
    const found = this.found(operation, String(refused.status));
    const kind = found && Object.keys(found.content).find(isJson);
    if (!kind) return problemReply(refused);
    const fits = validatorOf(found.content[kind].schema);
    let value = problem(refused);
    if (!fits(value)) {
      value = this.of(operation, found.name, kind)?.value;
      const told = { message: refused.message, detail: refused.message, error: refused.message };
      for (const [name, text] of Object.entries({ ...told, status: refused.status, code: refused.status })) {
        if (!value || typeof value !== "object" || Array.isArray(value) || !Object.hasOwn(value, name)) continue;
        const changed = { ...value, [name]: text };
        if (fits(changed)) value = changed;
      }
    }
    const headers = { ...found.headers, ...refused.headers };
    return { status: refused.status, headers, type: found.content[kind].type, body: JSON.stringify(value) };
  }

  found(operation, status) {
    for (const name of [status, `${status[0]}XX`, "default"]) {
      if (Object.hasOwn(operation.replies, name)) return { ...operation.replies[name], name };
    }
    return undefined;
  }

  of(operation, status, kind) {
    return this.samples.get(operation.key)?.[status]?.[kind];
  }

  kind(found, request) {
    const kinds = Object.keys(found.content);
    if (kinds.length === 0 || !request.get("accept")) return kinds[0];
    const plain = kinds.map((kind) => found.content[kind].type.split(";")[0].trim());
    const best = request.accepts(plain);
    if (best === false) {
      throw new Refused(406, `only ${kinds.join(", ")} can be had here, not ${request.get("accept")}`);
    }
    return kinds[plain.indexOf(best)];
  }

  written(operation, status, request, value) {
    const found = this.found(operation, String(status));
    if (!found || NO_BODY.has(status)) return { status, headers: found?.headers };
    const kind = this.kind(found, request);
    if (kind === undefined) return { status, headers: found.headers };
    const sampled = this.of(operation, found.name, kind);
    const reply = { status, headers: found.headers, type: found.content[kind].type };
    if (!("value" in sampled)) return { ...reply, body: typeof value === "string" ? value : sampled.text };
    return { ...reply, body: JSON.stringify(fitting(found.content[kind].schema, value, sampled.value)) };
  }
}

// The stored value if the contract takes it, else the sample with its properties.
function fitting(schema, value, sampled) {
  if (value === undefined) return sampled;
  const fits = validatorOf(schema);
  if (fits(value)) return value;
  const isObject = (entry) => entry && typeof entry === "object" && !Array.isArray(entry);
  if (isObject(value) && isObject(sampled)) {
    const known = Object.entries(value).filter(([name]) => Object.hasOwn(sampled, name));
    const mixed = { ...sampled, ...Object.fromEntries(known) };
    if (fits(mixed)) return mixed;
  }
  return sampled;
}
