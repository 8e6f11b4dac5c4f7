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
  of_par: (text) => whole(text),
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

/**
 * What a form says, read once: the body, and its labels and values as a person reads them. Throws `FormatError`, naming the
 * field.
 * @param {HTMLFormElement} form @returns {{ body: Record<string, unknown>, lines: [string, string][] }}
 */
export function readingOf(form) {
  const fields = fieldsOf(form);
  /** @type {Record<string, unknown>} */
  const body = {};
  for (const field of fields) {
    try {
      body[field.name] = valueOf(field);
    } catch (problem) {
      if (!(problem instanceof FormatError)) throw problem;
      throw new FormatError(`${labelOf(form, field)}: ${problem.message}`);
    }
  }
  const unit = typeof body.currency === "string" ? body.currency : undefined;
  return { body, lines: fields.map((field) => [labelOf(form, field), shown(field, body[field.name], unit)]) };
}

/** A value of the body as a person reads it. @param {Field} field @param {any} value @param {string} [unit] the currency that the body names */
function shown(field, value, unit) {
  if (value === null || value === "") return "–";
  switch (field.dataset.kind) {
    case "boolean": return say(value ? "yes" : "no");
    case "choice": return (field instanceof HTMLSelectElement && field.selectedOptions[0]?.text) || value;
    case "amount": return unit ? `${unit} ${units(value)}` : say("in_units", { amount: units(value) });
    case "of_par": return say("of_par", { bps: new Intl.NumberFormat(language()).format(value), part: units(`${value * 100}`) });
    case "time":
    case "hour": return `${field.value.trim().replace("T", " ")} UTC`;
    case "list": return value.join(", ") || "–";
    case "json": return `${JSON.stringify(value, null, 1)} ${say("json_amounts")}`;
    default: return String(value);
  }
}

/** Micro-units in units, exactly. @param {string} value */
function units(value) {
  const micro = value.replace("-", "").padStart(7, "0");
  const whole = new Intl.NumberFormat(language()).format(BigInt(micro.slice(0, -6)));
  const decimal = new Intl.NumberFormat(language()).formatToParts(1.5).find(({ type }) => type === "decimal")?.value ?? ".";
  return `${value.startsWith("-") ? "-" : ""}${whole}${decimal}${micro.slice(-6).replace(/0{1,4}$/, "")}`;
}

/** @param {Field} field */
function valueOf(field) {
  if (field.dataset.kind === "boolean") return /** @type {HTMLInputElement} */ (field).checked;
  const text = field.value.trim();
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
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FormatError(say("no_json"));
  }
  const name = doubled(text);
  if (name !== undefined) throw new FormatError(say("doubled", { name }));
  return value;
}

/** The first name that an object of a JSON text has twice: a reader sees both, and only one is signed. @param {string} text */
function doubled(text) {
  /** @type {Set<string>[]} */
  const open = [];
  for (const [token, name] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (name !== undefined) {
      const read = JSON.parse(name);
      if (open.at(-1)?.has(read)) return read;
      open.at(-1)?.add(read);
    } else if (token === "{" || token === "[") open.push(new Set());
    else if (token === "}" || token === "]") open.pop();
  }
  return undefined;
}
