/**
 * The form that creates and changes entries, in a panel at the side.
 */

import { fill, h, icon } from "../dom.js";
import { errorBox, messageOf, notice } from "../feedback.js";
import { ICONS } from "../icons.js";
import { errorsByField, fromControl, titleOf, toControl, words } from "../values.js";

/**
 * Opens the form.
 *
 * @param {object} app the running page
 * @param {import("../collection.js").Collection} collection
 * @param {object | null} entry what is changed; null creates
 * @param {object} [preset] values a new entry starts with
 * @returns {Promise<object | null>} the stored entry, or null when the form was left
 */
export async function openForm(app, collection, entry, preset = {}) {
  const { entity } = collection;
  const fields = entity.fields.filter((field) => (entry ? field.updatable : field.creatable));
  const title = entry ? `Edit ${titleOf(entity, entry)}` : `New ${entity.label.toLowerCase()}`;
  const controls = fields.map((field) => new Control(app, field, startValue(field, entry, preset)));
  await Promise.all(controls.map((control) => control.prepare()));
  return new Promise((resolve) => {
    const panel = new FormPanel(collection, entry, title, controls, resolve);
    panel.open();
  });
}

function startValue(field, entry, preset) {
  if (entry) return entry[field.name];
  if (field.name in preset) return preset[field.name];
  if (field.default !== undefined) return field.default;
  return field.type === "json" && field.required ? field.example : undefined;
}

class FormPanel {
  constructor(collection, entry, title, controls, resolve) {
    this.collection = collection;
    this.entry = entry;
    this.controls = controls;
    this.resolve = resolve;
    this.stored = null;
    this.problem = h("div", {});
    this.submit = h("button", { type: "submit", class: "button primary" }, entry ? "Save changes" : "Create");
    this.dialog = this.#dialog(title);
  }

  open() {
    this.dialog.addEventListener("close", () => {
      this.dialog.remove();
      this.resolve(this.stored);
    });
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.controls[0]?.focus();
  }

  #dialog(title) {
    const leave = () => this.dialog.close();
    const close = { type: "button", class: "icon-button", "aria-label": "Close", on: { click: leave } };
    const { entity } = this.collection;
    const marked = this.controls.some((control) => control.field.required);
    return h(
      "dialog",
      { class: "panel", "aria-labelledby": "form-title" },
      h(
        "form",
        { novalidate: true, data: { form: entity.name }, on: { submit: (event) => this.#send(event) } },
        h("header", {}, h("h2", { id: "form-title" }, title), h("button", close, icon(ICONS.close))),
        h(
          "div",
          { class: "panel-body" },
          this.problem,
          marked ? h("p", { class: "hint" }, "Fields marked with ", h("span", { class: "star" }, "*"), " are required.") : null,
          this.controls.map((control) => control.element),
        ),
        h(
          "footer",
          {},
          h("button", { type: "button", class: "button", data: { action: "cancel" }, on: { click: leave } }, "Cancel"),
          this.submit,
        ),
      ),
    );
  }

  async #send(event) {
    event.preventDefault();
    fill(this.problem);
    const wrong = this.controls.filter((control) => !control.check());
    if (wrong.length) {
      wrong[0].focus();
      return;
    }
    this.submit.disabled = true;
    this.dialog.setAttribute("aria-busy", "true");
    try {
      this.stored = await this.#store();
      this.dialog.close();
    } catch (error) {
      this.#explain(error);
    } finally {
      this.submit.disabled = false;
      this.dialog.removeAttribute("aria-busy");
    }
  }

  async #store() {
    const { entity } = this.collection;
    const values = this.#values();
    if (!this.entry) {
      const created = await this.collection.create(values);
      notice(`${entity.label} created.`);
      return created;
    }
    if (!Object.keys(values).length) {
      notice("Nothing was changed.");
      return this.entry;
    }
    const changed = await this.collection.update(this.entry, values);
    notice(`${entity.label} saved.`);
    return changed;
  }

  /** What is sent: everything that was filled in, or only what differs from the stored entry. */
  #values() {
    const values = {};
    for (const control of this.controls) {
      const { field } = control;
      if (this.entry ? control.changed : control.value !== null) {
        values[field.name] = control.value === null && !field.nullable ? "" : control.value;
      }
    }
    return values;
  }

  #explain(error) {
    const messages = error.problem ? errorsByField(this.collection.entity, error.problem) : new Map();
    let first = null;
    for (const control of this.controls) {
      const text = messages.get(control.field.name);
      if (!text) continue;
      control.complain(text.join(" "));
      first ??= control;
    }
    const rest = messages.get("") ?? [];
    const detail = first && !rest.length ? "See the marked fields below." : rest.join(" ") || messageOf(error);
    fill(this.problem, errorBox("This could not be saved", detail));
    if (first) first.focus();
    else this.problem.scrollIntoView({ block: "nearest" });
  }
}

/** One labelled control with its hint and its error message. */
class Control {
  constructor(app, field, value) {
    this.app = app;
    this.field = field;
    this.start = toControl(field, value);
    this.id = `field-${field.name}`;
    this.input = this.#input();
    this.error = h("p", { class: "field-error", id: `${this.id}-error`, hidden: true });
    this.hint = h("p", { class: "hint", id: `${this.id}-hint` }, hintOf(field));
    this.element = this.#element();
  }

  /** Loads the choices of a reference. */
  async prepare() {
    if (this.field.type !== "reference") return;
    const target = this.app.collection(this.field.target);
    try {
      const { choices, complete } = await target.options();
      this.input.append(...choices.map(({ id, title }) => h("option", { value: id }, title)));
      if (!choices.length) this.#say(`There are no ${target.entity.labelPlural.toLowerCase()} yet.`);
      else if (!complete) this.#say(`Only the first ${choices.length} are listed.`);
      await this.#keepStart(target, choices);
    } catch (error) {
      this.#say(`The choices could not be loaded: ${messageOf(error)}`);
    }
    this.input.value = this.start;
  }

  get text() {
    return this.input.type === "checkbox" ? String(this.input.checked) : this.input.value;
  }

  get value() {
    return fromControl(this.field, this.text);
  }

  get changed() {
    return this.text !== this.start && !(this.input.type === "checkbox" && !this.start && this.text === "false");
  }

  focus() {
    this.input.focus();
  }

  /** Whether the value can be sent; shows what is wrong otherwise. */
  check() {
    const { validity } = this.input;
    let message = "";
    if (validity.badInput) message = "This is not a complete value.";
    else if (this.field.required && !this.text.trim()) message = "Please fill in this field.";
    else if (!validity.valid) message = limitMessage(this.field, this.input);
    else message = this.#parseProblem();
    this.complain(message);
    return !message;
  }

  complain(message) {
    fill(this.error, message ? [icon(ICONS.alert), message] : []);
    this.error.hidden = !message;
    if (message) this.input.setAttribute("aria-invalid", "true");
    else this.input.removeAttribute("aria-invalid");
  }

  #parseProblem() {
    try {
      fromControl(this.field, this.text);
      return "";
    } catch (error) {
      return error.message;
    }
  }

  #say(text) {
    fill(this.hint, text);
  }

  async #keepStart(target, choices) {
    if (!this.start || choices.some((choice) => String(choice.id) === this.start)) return;
    this.input.append(h("option", { value: this.start }, await target.title(this.start)));
  }

  #element() {
    const { field } = this;
    const star = field.required ? h("span", { class: "star", "aria-hidden": "true" }, " *") : null;
    const label = h("label", { for: this.id }, field.label, star);
    const wide = field.type === "text" || field.type === "json" ? " wide" : "";
    if (this.input.type === "checkbox") {
      return h("div", { class: "field check" }, this.input, label, this.hint, this.error);
    }
    return h("div", { class: `field${wide}` }, label, this.input, this.hint, this.error);
  }

  #input() {
    const { field } = this;
    const common = {
      id: this.id,
      name: field.name,
      required: field.required,
      "aria-describedby": `${this.id}-hint ${this.id}-error`,
      on: { input: () => this.complain("") },
    };
    const input = this.#bareInput(common);
    if (input.type === "checkbox") input.checked = this.start === "true";
    else input.value = this.start;
    if (input.type === "textarea") this.start = input.value; // line ends are made equal by the control
    return input;
  }

  #bareInput(common) {
    const { field } = this;
    const limits = { minlength: field.minLength, maxlength: field.maxLength };
    if (field.type === "enum") return h("select", common, emptyOption(field), field.values.map(option));
    if (field.type === "reference") return h("select", common, emptyOption(field));
    if (field.type === "boolean") return this.#booleanInput(common);
    if (field.type === "text") return h("textarea", { ...common, ...limits, rows: 4 });
    if (field.type === "json") return h("textarea", { ...common, rows: 4, class: "code", spellcheck: "false" });
    const range = { min: field.minimum, max: field.maximum, step: field.step ?? (field.type === "decimal" ? "any" : null) };
    const kind = INPUT_TYPES[field.type] ?? "text";
    const narrowing = kind === "number" ? range : kind === "text" || kind === "email" || kind === "url" ? limits : {};
    return h("input", { ...common, ...narrowing, type: kind, autocomplete: "off" });
  }

  /** Two states are a check mark; a third one, "not set", makes it a choice. */
  #booleanInput(common) {
    const { field } = this;
    if (!field.nullable || field.default !== undefined) {
      return h("input", { ...common, required: false, type: "checkbox" });
    }
    const states = [h("option", { value: "true" }, "Yes"), h("option", { value: "false" }, "No")];
    return h("select", common, emptyOption(field), states);
  }
}

const INPUT_TYPES = {
  integer: "number",
  decimal: "number",
  date: "date",
  datetime: "datetime-local",
  email: "email",
  url: "url",
};

function emptyOption(field) {
  return h("option", { value: "" }, field.required ? "Choose…" : "Not set");
}

function option(value) {
  return h("option", { value }, words(value));
}

/** Limits that matter to people; technical ones stay silent until they are broken. */
function hintOf(field) {
  if (field.type === "json") return "As JSON.";
  if (field.type === "url") return "Starts with http:// or https://";
  if (field.type !== "integer" && field.type !== "decimal") return "";
  const low = field.minimum > -1e6 ? field.minimum : undefined;
  const high = field.maximum < 1e6 ? field.maximum : undefined;
  if (low !== undefined && high !== undefined) return `Between ${low} and ${high}.`;
  if (low !== undefined && low !== 0) return `At least ${low}.`;
  return high !== undefined ? `At most ${high}.` : "";
}

function limitMessage(field, input) {
  const { validity } = input;
  if (validity.typeMismatch) return field.type === "email" ? "Enter an e-mail address." : "Enter a complete address.";
  if (validity.tooShort) return `Enter at least ${field.minLength} characters.`;
  if (validity.tooLong) return `Enter at most ${field.maxLength} characters.`;
  if (validity.rangeUnderflow) return `Enter ${field.minimum} or more.`;
  if (validity.rangeOverflow) return `Enter ${field.maximum} or less.`;
  if (validity.stepMismatch) return field.type === "integer" ? "Enter a whole number." : `Use steps of ${field.step}.`;
  return input.validationMessage;
}
