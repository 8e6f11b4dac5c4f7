// The badge beside a figure: whether it was proven in this browser, when, and what is wrong where it was not.
import { element, fileLink, localTime } from "./dom.js";
import { say } from "./words.js";

/** @typedef {"checking" | "proven" | "forged" | "unknown"} State */
const SIGNS = { checking: "…", proven: "✓", forged: "✗", unknown: "?" };
let made = 0;

export class Badge {
  /** @param {Element} beside stands behind this element */
  constructor(beside) {
    made += 1;
    const id = `badge-${made}`;
    this.sign = element("span", { "aria-hidden": "true" });
    this.label = element("span", { class: "hidden" });
    this.time = element("small");
    this.details = element("span", { class: "badge-details", id, hidden: true });
    this.button = element(
      "button",
      { type: "button", class: "badge", "aria-expanded": "false", "aria-controls": id, onclick: () => this.toggle() },
      this.sign,
      this.label,
      this.time,
    );
    beside.after(this.button, this.details);
    this.show("checking", say("checking"));
  }

  toggle() {
    this.details.hidden = !this.details.hidden;
    this.button.setAttribute("aria-expanded", String(!this.details.hidden));
  }

  /** @param {State} state @param {string} text what was found, in words @param {readonly Uint8Array[]} [evidence] signed notes */
  show(state, text, evidence = []) {
    const at = new Date();
    this.button.dataset.state = state;
    this.sign.textContent = SIGNS[state];
    this.label.textContent = say(`badge_${state}`);
    this.time.textContent = state === "checking" ? "" : ` ${localTime(at, { timeStyle: "short" })}`;
    this.details.replaceChildren(element("span", {}, text));
    if (state !== "checking") this.details.append(" ", element("small", {}, say("checked_at", { time: localTime(at) })));
    if (evidence.length > 0) {
      const notes = evidence.map((each) => new TextDecoder().decode(each)).join("\n\n");
      this.details.append(" ", fileLink("evidence.txt", notes, say("keep_evidence")));
    }
  }
}
