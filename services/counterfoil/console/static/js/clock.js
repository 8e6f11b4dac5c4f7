// The market's time. A demo's or a trial's clock is elsewhere than this machine's, and commands are judged by the market's.
import { element, localTime } from "./dom.js";
import { say } from "./words.js";

/** Milliseconds by which the two may differ before the market's counts. */
const NEAR = 15_000;
const ahead = Date.parse(document.body.dataset.clock ?? "") - Date.now();
const differs = Math.abs(ahead) > NEAR; // false of what is no time

/** Now, by the market's clock. */
export const marketTime = () => new Date(Date.now() + (differs ? ahead : 0));

/** What a reader is told before signing by another time than this machine's. @returns {HTMLElement[]} */
export const otherTime = () =>
  differs ? [element("p", { class: "notice" }, say("other_time", { time: localTime(marketTime(), { dateStyle: "medium", timeStyle: "short" }) }))] : [];
