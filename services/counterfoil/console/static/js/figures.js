// Whether a figure on a page is a value of the log, exactly as pages show it.
import { language } from "./dom.js";

/**
 * Whether a page's text is a value exactly as pages show it, and nothing else. `unit`: an amount's currency; without it, any
 * code may stand before the figures.
 * @param {string} text @param {string} value @param {"number" | "amount" | "text"} kind @param {string} [unit]
 */
export function agrees(text, value, kind, unit) {
  if (kind === "text") return text === value;
  const format = new Intl.NumberFormat(language());
  if (kind === "number") return text === format.format(BigInt(value));
  const decimal = format.formatToParts(1.5).find(({ type }) => type === "decimal")?.value ?? ".";
  const micro = value.replace("-", "").padStart(7, "0");
  const part = micro.slice(-6).replace(/0{1,4}$/, "");
  const figures = `${value.startsWith("-") ? "-" : ""}${format.format(BigInt(micro.slice(0, -6)))}${decimal}${part}`;
  return unit === undefined ? text.replace(/^[A-Z]{3}\s+|^GPU-h\s+/, "") === figures : text.replace(/\s+/, " ") === `${unit} ${figures}`;
}
