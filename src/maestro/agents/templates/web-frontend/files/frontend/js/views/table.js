/**
 * Entries as a table; on narrow screens the style turns each row into a card.
 */

import { h, icon } from "../dom.js";
import { ICONS } from "../icons.js";
import { makeHash } from "../route.js";
import { titleOf } from "../values.js";
import { valueElement } from "./cells.js";

const MOST_COLUMNS = 7;
const FEW_COLUMNS = 3;
const NUMBERS = ["integer", "decimal"];

/** What tells entries apart at a glance keeps its place when there are too many columns. */
const RANK = { enum: 0, reference: 0, date: 1, boolean: 1, string: 2, decimal: 2, integer: 2, email: 2 };
const LAST_RANK = 3;
const SHORT_TEXT = 24;

/** The fields that a table has room for; the title first, long texts only where little else is. */
export function columnsOf(entity) {
  const fields = entity.fields.filter((field) => field.name !== entity.idField && !isStamp(field));
  const short = fields.filter((field) => field.type !== "text" && field.type !== "json");
  const long = fields.filter((field) => !short.includes(field));
  const room = Math.max(0, FEW_COLUMNS - short.length);
  const leading = entity.titleField ?? entity.idField;
  const title = entity.fields.find((field) => field.name === leading);
  const others = [...short, ...long.slice(0, room)].filter((field) => field !== title);
  const kept = others.toSorted((one, other) => rankOf(one) - rankOf(other)).slice(0, MOST_COLUMNS - 1);
  const columns = [...(title ? [title] : []), ...others.filter((field) => kept.includes(field))];
  return columns.length ? columns : entity.fields.slice(0, MOST_COLUMNS);
}

/**
 * @param {object} app the running page
 * @param {import("../collection.js").Collection} collection
 * @param {object[]} entries
 * @param {{sort: string, onSort: Function, onEdit: Function, onDelete: Function}} options
 */
export function entryTable(app, collection, entries, options) {
  const { entity } = collection;
  const columns = columnsOf(entity);
  const heads = columns.map((field) => headCell(collection, field, options));
  const actions = collection.can("update") || collection.can("remove");
  return h(
    "table",
    {},
    h("caption", { class: "for-readers" }, entity.labelPlural),
    h("thead", {}, h("tr", {}, heads, actions ? h("th", { scope: "col" }, h("span", { class: "for-readers" }, "Actions")) : null)),
    h(
      "tbody",
      {},
      entries.map((entry) => row(app, collection, columns, entry, options)),
    ),
  );
}

/** What is shown until the first answer is there. */
export function skeleton() {
  const lines = Array.from({ length: 6 }, () => h("div", { class: "skeleton-line" }));
  return h("div", { class: "skeleton", role: "status" }, h("span", { class: "for-readers" }, "Loading…"), lines);
}

function rankOf(field) {
  return RANK[field.type] ?? LAST_RANK;
}

function isStamp(field) {
  return /^(created|updated)_?at$/i.test(field.name);
}

function headCell(collection, field, { sort, onSort }) {
  const { idField } = collection.entity;
  const align = NUMBERS.includes(field.type) && field.name !== idField ? "number" : "";
  if (!collection.sortable(field)) return h("th", { scope: "col", class: align }, field.label);
  const current = sort === field.name ? "ascending" : sort === `-${field.name}` ? "descending" : "none";
  const next = current === "none" ? field.name : current === "ascending" ? `-${field.name}` : "";
  const picture = current === "descending" ? ICONS.down : ICONS.up;
  const props = { type: "button", class: "sort", data: { sort: field.name }, on: { click: () => onSort(next) } };
  return h("th", { scope: "col", class: align, "aria-sort": current }, h("button", props, field.label, icon(picture)));
}

function row(app, collection, columns, entry, options) {
  const { entity } = collection;
  const id = collection.idOf(entry);
  const cells = columns.map((field, index) => cell(app, collection, field, entry, index === 0));
  return h("tr", { data: { row: entity.plural, id } }, cells, actionCell(collection, entry, options));
}

function cell(app, collection, field, entry, first) {
  const { entity } = collection;
  const value = entry[field.name];
  const props = { class: classOf(field, value), data: { cell: field.name, label: field.label } };
  const content = valueElement(field, value, app);
  if (!first) return h("td", props, content);
  const id = collection.idOf(entry);
  if (id === undefined) return h("th", { ...props, scope: "row" }, content);
  const link = h("a", { class: "title", href: makeHash([entity.route, id]) }, titleOf(entity, entry));
  return h("th", { ...props, class: "", scope: "row" }, link);
}

/** Numbers stand in a column, short texts stay on one line, long ones are cut after two. */
function classOf(field, value) {
  if (NUMBERS.includes(field.type)) return "number";
  if (field.type === "text") return "long";
  return field.type === "string" && String(value ?? "").length <= SHORT_TEXT ? "whole" : "";
}

function actionCell(collection, entry, { onEdit, onDelete }) {
  const title = titleOf(collection.entity, entry);
  const buttons = [];
  if (collection.can("update")) {
    buttons.push(actionButton("edit", `Edit ${title}`, ICONS.edit, (event) => onEdit(entry, event.currentTarget)));
  }
  if (collection.can("remove")) {
    buttons.push(actionButton("delete", `Delete ${title}`, ICONS.trash, () => onDelete(entry)));
  }
  return buttons.length ? h("td", { class: "actions" }, buttons) : null;
}

function actionButton(action, label, picture, run) {
  const props = { type: "button", class: "icon-button", title: label, "aria-label": label };
  return h("button", { ...props, data: { action }, on: { click: run } }, icon(picture));
}
