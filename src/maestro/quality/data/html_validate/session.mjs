// Validates HTML: `node session.mjs FILE` with FILE holding JSON, {name: source}. Prints JSON.
// A document's own wishes ("[html-validate-disable ...]") are not heard.
import fs from "node:fs";
import { HtmlValidate, StaticConfigLoader, version } from "./html-validate.mjs";

const sources = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const loader = new StaticConfigLoader({
  root: true,
  extends: ["html-validate:standard", "html-validate:document"],
  rules: { "require-sri": ["error", { target: "crossorigin" }] },
});
const validator = new HtmlValidate(loader);
const files = {};
for (const [name, source] of Object.entries(sources)) {
  const heard = source.replaceAll(/\[html-validate-/gi, "[html_validate_");
  const report = await validator.validateString(heard, "page.html");
  files[name] = report.results.flatMap((result) =>
    result.messages.map(({ line, column, ruleId, severity, message }) => ({
      line, column, rule: ruleId, severity, message: message.slice(0, 300),
    })),
  );
}
process.stdout.write(JSON.stringify({ version, files }));
