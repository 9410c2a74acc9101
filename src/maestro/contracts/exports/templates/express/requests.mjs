// From a request to the values it stands for, each held against its schema.
import { Refused } from "./replies.mjs";
import { isJson, violations } from "./schemas.mjs";

const DELIMITERS = { spaceDelimited: " ", pipeDelimited: "|" };
const MISSING = Symbol("missing");

export async function readRequest(operation, request) {
  const found = [];
  const path = new Map();
  const query = new Map();
  const pairs = queryPairs(request, operation);
  const values = operation.names.map((name, place) => [name, request.params[`p${place + 1}`]]);
  const texts = new Map(values);
  for (const parameter of operation.parameters) {
    const value = given(parameter, request, texts, pairs);
    const place = `${parameter.in}/${parameter.name}`;
    if (value === MISSING) {
      if (parameter.required) found.push({ pointer: place, detail: "is missing", rule: "required" });
      continue;
    }
    if (!(value === "" && parameter.allowEmpty)) found.push(...violations(parameter.schema, value, place));
    if (parameter.in === "path") path.set(parameter.name, value);
    if (parameter.in === "query") query.set(parameter.name, value);
  }
  if (operation.rejectsUnknownQuery) found.push(...unknown(operation, pairs));
  const body = await readBody(operation, request, found);
  if (found.length) {
    const { pointer, detail, rule } = found[0];
    const more = found.length > 1 ? ` and ${found.length - 1} more` : "";
    const text = `not as the contract says: ${pointer || "/"} ${detail} (${rule})${more}`;
    throw new Refused(invalidStatus(operation), text, found.slice(0, 20));
  }
  for (const parameter of operation.parameters) {
    const fallback = parameter.schema?.default;
    if (parameter.in === "query" && !query.has(parameter.name) && fallback !== undefined) {
      query.set(parameter.name, fallback);
    }
  }
  return { path, query, body };
}

// Undefined, or why the request is refused: no alternative of the security requirement is complete.
export function credentialsProblem(operation, request) {
  const alternatives = operation.security;
  if (alternatives.length === 0 || alternatives.some((all) => lacking(all, request).length === 0)) {
    return undefined;
  }
  const missing = alternatives.flat().map(({ in: place, name }) => `the ${place} ${JSON.stringify(name)}`);
  const wanted = [...new Set(missing)].join(" or ");
  const schemes = alternatives.flat().filter((one) => one.in === "authorization").map((one) => one.name);
  const challenge = [...new Set(schemes.length ? schemes : ["bearer"])].filter((word) => /^[\w-]+$/.test(word));
  return new Refused(
    401,
    `credentials are missing: ${wanted}`,
    [{ pointer: "security", detail: `send ${wanted}`, rule: "security" }],
    { "www-authenticate": challenge.map((word) => `${word} realm="mock"`).join(", ") || 'bearer realm="mock"' },
  );
}

// Of several schemes that share the one Authorization header, one is enough.
function lacking(all, request) {
  const missing = all.filter((one) => !brought(one, request));
  const sharing = all.filter(({ in: place }) => place === "authorization");
  return sharing.some((one) => !missing.includes(one)) ? missing.filter((one) => !sharing.includes(one)) : missing;
}

function brought({ in: place, name }, request) {
  if (place === "connection") return true;
  if (place === "header") return Boolean(request.headers[name.toLowerCase()]);
  if (place === "cookie") return (cookiePairs(request).get(name) ?? []).some(Boolean);
  if (place === "query") return new URLSearchParams(queryText(request)).getAll(name).some(Boolean);
  const [word, ...rest] = (request.get("authorization") ?? "").trim().split(" ");
  const secret = rest.join(" ").trim();
  if (word.toLowerCase() !== name || !secret) return false;
  return name !== "basic" || Buffer.from(secret, "base64").includes(":");
}

function invalidStatus({ replies }) {
  return ["422", "400"].map(String).find((status) => Object.hasOwn(replies, status)) === "400" ? 400 : 422;
}

function malformedStatus({ replies }) {
  return Object.hasOwn(replies, "422") && !Object.hasOwn(replies, "400") ? 422 : 400;
}

function given(parameter, request, texts, pairs) {
  if (parameter.in === "path" || parameter.in === "header") {
    const text = parameter.in === "path" ? texts.get(parameter.name) : request.headers[parameter.name.toLowerCase()];
    if (text === undefined) return MISSING;
    const plain = Array.isArray(text) ? text.join(", ") : text;
    return parameter.json ? jsonText(plain) : fromText(parameter, plain);
  }
  const named = parameter.in === "cookie" ? cookiePairs(request) : pairs;
  if (parameter.json && named.has(parameter.name)) return jsonText(named.get(parameter.name).at(-1));
  return fromPairs(parameter, named);
}

function fromPairs(parameter, pairs) {
  const { name, style, explode, kinds, fields } = parameter;
  const deep = style === "deepObject";
  if (deep || (kinds.includes("object") && explode && style === "form")) {
    const keys = Object.keys(fields).map((field) => [field, deep ? `${name}[${field}]` : field]);
    return objectOf(fields, keys.filter(([, key]) => pairs.has(key)).map(([field, key]) => [field, pairs.get(key).at(-1)]));
  }
  const texts = pairs.get(name) ?? pairs.get(`${name}[]`);
  if (!texts) return MISSING;
  if (kinds.includes("array") && (explode || texts.length > 1)) return texts.map((text) => scalar(text, kinds));
  if (kinds.includes("array")) return arrayOf(texts[0], DELIMITERS[style] ?? ",", kinds);
  return fromText(parameter, texts.at(-1));
}

function fromText({ name, style, explode, kinds, fields }, written) {
  let text = written;
  if (style === "label") text = text.replace(/^\./, "");
  if (style === "matrix" && text.startsWith(`;${name}=`)) text = text.slice(name.length + 2);
  const delimiter = delimiterOf(style, explode, text);
  if (kinds.includes("array")) {
    return arrayOf(delimiter === ";" ? text.replaceAll(`;${name}=`, ";") : text, delimiter, kinds);
  }
  if (!kinds.includes("object")) return scalar(text, kinds);
  const parts = text.replace(/^;/, "").split(delimiter);
  if (explode) {
    const split = parts.filter((part) => part.includes("=")).map((part) => part.split(/=(.*)/s).slice(0, 2));
    return objectOf(fields, split);
  }
  const pairs = parts.flatMap((part, place) => (place % 2 === 0 && place + 1 < parts.length ? [[part, parts[place + 1]]] : []));
  return objectOf(fields, pairs);
}

// What stands between the parts of a text; both signs of labels are in use.
function delimiterOf(style, explode, text) {
  if (style === "label") return explode || !text.includes(",") ? "." : ",";
  return style === "matrix" && explode ? ";" : ",";
}

const arrayOf = (text, delimiter, kinds) => (text ? text.split(delimiter).map((part) => scalar(part, kinds)) : []);

function objectOf(fields, pairs) {
  if (pairs.length === 0) return MISSING;
  const kinds = (name) => (Object.hasOwn(fields, name) ? fields[name] : []);
  return Object.fromEntries(pairs.map(([name, text]) => [name, scalar(text, kinds(name))]));
}

// The value of a text; what does not read as an allowed type stays a text.
function scalar(text, kinds) {
  const isNumber = kinds.includes("integer") || kinds.includes("number");
  if (isNumber && /^-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?$/.test(text)) return Number(text);
  if (kinds.includes("boolean") && (text === "true" || text === "false")) return text === "true";
  return text;
}

function jsonText(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const queryText = (request) => request.originalUrl.split("?").slice(1).join("?");

function queryPairs(request, operation) {
  const pairs = new Map();
  for (const part of queryText(request).split("&").filter(Boolean)) {
    let decoded;
    try {
      decoded = part.split(/=(.*)/s).slice(0, 2).map((text) => decodeURIComponent(text.replaceAll("+", " ")));
    } catch {
      const detail = "the query cannot be read: it is not UTF-8";
      throw new Refused(malformedStatus(operation), detail, [{ pointer: "query", detail, rule: "well-formed" }]);
    }
    const [name, value = ""] = decoded;
    pairs.set(name, [...(pairs.get(name) ?? []), value]);
  }
  return pairs;
}

function cookiePairs(request) {
  const pairs = new Map();
  for (const part of (request.get("cookie") ?? "").split(";")) {
    const [name, value] = part.trim().split(/=(.*)/s);
    if (value !== undefined) pairs.set(name, [...(pairs.get(name) ?? []), value.replace(/^"|"$/g, "")]);
  }
  return pairs;
}

function unknown(operation, pairs) {
  const known = operation.parameters.filter((one) => one.in === "query").flatMap(({ name, style, kinds, explode, fields }) => {
    if (style === "deepObject") return Object.keys(fields).map((field) => `${name}[${field}]`);
    return kinds.includes("object") && explode ? [name, ...Object.keys(fields)] : [name, `${name}[]`];
  });
  return [...pairs.keys()].filter((name) => !known.includes(name)).map((name) => ({
    pointer: `query/${name}`,
    detail: `is not a parameter here; known: ${known.sort().join(", ") || "none"}`,
    rule: "unknown-query",
  }));
}

async function readBody(operation, request, found) {
  const declared = operation.body;
  if (!declared) return undefined;
  const header = request.get("content-type");
  const raw = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  if (raw.length === 0 && !(declared.required && header && isJson(header))) {
    if (declared.required) found.push({ pointer: "", detail: "a body is required", rule: "required" });
    return undefined;
  }
  const content = declared.content[chosenKind(declared, header)];
  const value = await bodyValue(content, chosenKind(declared, header), header ?? "", raw, operation);
  if (value !== undefined) found.push(...violations(content.schema, value, ""));
  return value;
}

function chosenKind(declared, header) {
  const sent = (header ?? "").split(";")[0].trim().toLowerCase();
  const plain = new Map(Object.keys(declared.content).map((kind) => [kind.split(";")[0].trim(), kind]));
  const tried = [sent, `${sent.split("/")[0]}/*`, "*/*"].find((kind) => sent && plain.has(kind));
  if (tried) return plain.get(tried);
  if (sent.endsWith("+json") && plain.has("application/json")) return plain.get("application/json");
  const known = Object.keys(declared.content).join(" or ");
  throw new Refused(415, `the content type ${JSON.stringify(header ?? "")} is not accepted here; send ${known}`);
}

async function bodyValue(content, kind, header, raw, operation) {
  const sent = header.split(";")[0].trim().toLowerCase();
  try {
    if ((isJson(kind) && kind !== "*/*") || isJson(sent)) return JSON.parse(utf8(raw));
    if (sent === "application/x-www-form-urlencoded") {
      return formValue(new URLSearchParams(utf8(raw)).entries(), content.fields);
    }
    if (sent === "multipart/form-data") return formValue(await parts(header, raw), content.fields);
    return sent.startsWith("text/") ? utf8(raw) : undefined;
  } catch (error) {
    const detail = `the body is not readable as ${sent}: ${error.message}`;
    throw new Refused(malformedStatus(operation), detail, [{ pointer: "", detail: error.message, rule: "well-formed" }]);
  }
}

const utf8 = (raw) => new TextDecoder("utf-8", { fatal: true }).decode(raw);

async function parts(header, raw) {
  const form = await new Response(raw, { headers: { "content-type": header } }).formData();
  const texts = [...form].map(async ([name, value]) => [name, typeof value === "string" ? value : await value.text()]);
  return Promise.all(texts);
}

function formValue(pairs, fields) {
  const texts = new Map();
  for (const [name, text] of pairs) texts.set(name, [...(texts.get(name) ?? []), text]);
  return Object.fromEntries([...texts].map(([name, all]) => {
    const kinds = Object.hasOwn(fields, name) ? fields[name] : [];
    const values = all.map((text) => scalar(text, kinds));
    return [name, kinds.includes("array") ? values : values.at(-1)];
  }));
}
