// JSON Schema 2020-12 by ajv; every schema is compiled once, when it is first needed.
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

// Patterns are looked at with the u flag, then without; what is no pattern of JavaScript is not checked.
function pattern(source, flags) {
  for (const tried of [flags, ""]) {
    try {
      return new RegExp(source, tried);
    } catch {
      continue;
    }
  }
  console.warn(`the pattern ${JSON.stringify(source)} cannot be read by JavaScript and is not checked`);
  return /(?:)/;
}
pattern.code = "new RegExp";

const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false, code: { regExp: pattern } });
addFormats(ajv);
const known = new WeakMap();

export function validatorOf(schema) {
  if (typeof schema === "boolean") return ajv.compile(schema);
  let validate = known.get(schema);
  if (!validate) {
    validate = ajv.compile(schema);
    known.set(schema, validate);
  }
  return validate;
}

const MOST = 20;

// One violation for each broken rule: where, what is wrong, and the rule.
export function violations(schema, value, place) {
  const validate = validatorOf(schema);
  if (validate(value)) return [];
  return validate.errors.slice(0, MOST).map((error) => {
    const extra = error.params.additionalProperty ?? error.params.unevaluatedProperty;
    const named = extra === undefined ? "" : ` (${JSON.stringify(extra)})`;
    return { pointer: place + error.instancePath, detail: `${error.message}${named}`, rule: error.keyword };
  });
}

export function isJson(kind) {
  const plain = kind.split(";")[0].trim().toLowerCase();
  return plain === "application/json" || plain === "text/json" || plain === "*/*" || plain.endsWith("+json");
}
