// The body of a command, from the fields of its form, and the same in plain words.
import { FormatError } from "../vendor/counterfoil-client.js";
import { language } from "./dom.js";
import { say } from "./words.js";

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Field */

/** @type {Record<string, (text: string) => unknown>} */
const KINDS = {
  text: (text) => text,
  choice: (text) => text,
  integer: (text) => whole(text),
  amount: (text) => microUnits(text),
  time: (text) => `${moment(text)}.000000Z`,
  hour: (text) => `${moment(text).slice(0, 13).replaceAll("-", "")}Z`,
  list: (text) => text.split("\n").map((line) => line.trim()).filter(Boolean),
  json: (text) => parsed(text),
};

/** The fields of a form that are members of the body. @param {HTMLFormElement} form */
export function fieldsOf(form) {
  return /** @type {Field[]} */ ([...form.querySelectorAll("[data-kind]")]);
}

/** Throws `FormatError`, naming the field. @param {HTMLFormElement} form @returns {Record<string, unknown>} */
export function bodyOf(form) {
  /** @type {Record<string, unknown>} */
  const body = {};
  for (const field of fieldsOf(form)) {
    try {
      body[field.name] = valueOf(field);
    } catch (problem) {
      if (!(problem instanceof FormatError)) throw problem;
      throw new FormatError(`${labelOf(form, field)}: ${problem.message}`);
    }
  }
  return body;
}

/** Labels and values as a person reads them. @param {HTMLFormElement} form @returns {[string, string][]} */
export function linesOf(form) {
  return fieldsOf(form).map((field) => [labelOf(form, field), shown(field)]);
}

/** @param {Field} field */
function shown(field) {
  if (field instanceof HTMLInputElement && field.type === "checkbox") return say(field.checked ? "yes" : "no");
  if (field instanceof HTMLSelectElement) return field.selectedOptions[0]?.text || "–";
  const text = field.value.trim();
  if (text === "") return "–";
  if (field.dataset.kind === "amount") {
    const decimals = (text.split(".")[1] ?? "").length;
    return new Intl.NumberFormat(language(), { minimumFractionDigits: decimals, maximumFractionDigits: 6 }).format(/** @type {any} */ (text));
  }
  if (field.dataset.kind === "time" || field.dataset.kind === "hour") return `${text.replace("T", " ")} UTC`;
  return field.dataset.kind === "list" ? text.split("\n").join(", ") : text;
}

/** @param {Field} field */
function valueOf(field) {
  if (field.dataset.kind === "boolean") return /** @type {HTMLInputElement} */ (field).checked;
  const text = field.dataset.kind === "text" ? field.value : field.value.trim();
  if (text === "" && field.dataset.optional !== undefined) return null;
  const kind = KINDS[field.dataset.kind ?? ""];
  if (kind === undefined) throw new FormatError(`${field.dataset.kind}`);
  return kind(text);
}

/** @param {HTMLFormElement} form @param {Field} field */
function labelOf(form, field) {
  const label = form.querySelector(`label[for="${CSS.escape(field.id)}"]`);
  return label?.firstChild?.textContent?.trim() || field.name;
}

/** @param {string} text */
function whole(text) {
  const value = Number(text);
  if (!/^-?[0-9]+$/.test(text) || !Number.isSafeInteger(value)) throw new FormatError(say("no_integer"));
  return value;
}

/** Units as micro-units: no floating-point number is ever made of an amount. @param {string} text */
function microUnits(text) {
  const [, minus = "", units = "", part = ""] = /^(-?)([0-9]{1,13})(?:\.([0-9]{1,6}))?$/.exec(text) ?? [];
  if (units === "") throw new FormatError(say("no_amount"));
  return `${BigInt(`${minus}1`) * (BigInt(units) * 1_000_000n + BigInt(part.padEnd(6, "0")))}`;
}

/** `2026-03-02T10:00` in UTC, with seconds. @param {string} text */
function moment(text) {
  const [, day = "", time = ""] = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2})(?::00)?$/.exec(text) ?? [];
  if (day === "") throw new FormatError(say("no_time"));
  return `${day}T${time}:00`;
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new FormatError(say("no_json"));
  }
}
