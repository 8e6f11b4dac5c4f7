// Makes elements: text is always text, never markup, and no style or handler stands in an attribute.

/**
 * @param {string} tag
 * @param {Record<string, string | boolean | EventListener | undefined>} [attributes] handlers by the name of their event: `onclick`
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (typeof value === "string") made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** @param {string} label @param {EventListener} onclick @param {string} [kind] */
export function button(label, onclick, kind = "") {
  return element("button", { type: "button", class: kind, onclick }, label);
}

/** A label with its field. @param {string} label @param {HTMLElement} field @param {string} [hint] */
export function labelled(label, field, hint = "") {
  const box = element("div", { class: "field" }, element("label", { for: field.id }, label), field);
  if (hint) {
    field.setAttribute("aria-describedby", `${field.id}-hint`);
    box.append(element("span", { class: "hint", id: `${field.id}-hint` }, hint));
  }
  return box;
}

/** A file for the reader to keep. @param {string} name @param {BlobPart} content @param {string} label */
export function fileLink(name, content, label) {
  const href = URL.createObjectURL(new Blob([content], { type: "application/octet-stream" }));
  return element("a", { href, download: name }, label);
}

/** The page's language. */
export const language = () => document.documentElement.lang || "en";

/** @type {Map<string, Intl.DateTimeFormat>} making one takes longer than formatting a thousand moments by it */
const formats = new Map();

/** A moment in the reader's zone. @param {Date} at @param {Intl.DateTimeFormatOptions} [form] */
export function localTime(at, form = { dateStyle: "medium", timeStyle: "medium" }) {
  const name = JSON.stringify([language(), form]);
  const format = formats.get(name) ?? new Intl.DateTimeFormat(language(), form);
  formats.set(name, format);
  return format.format(at);
}

/** The reader's zone. */
export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
