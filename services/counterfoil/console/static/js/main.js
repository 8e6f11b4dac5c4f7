// What runs in the browser of a reader. The pages work without it; it proves what they show, and signs.
import { localTime, zone } from "./dom.js";

const modules = (/** @type {string} */ name) => /** @type {HTMLElement[]} */ ([...document.querySelectorAll(`[data-module="${name}"]`)]);

function showLocalTimes(/** @type {ParentNode} */ within) {
  for (const each of within.querySelectorAll("time[data-local]")) {
    const time = /** @type {HTMLTimeElement} */ (each);
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.title = `${localTime(at, { dateStyle: "medium", timeStyle: "short" })} ${zone}`;
  }
}

/** What needs the files of others, which a checkout may lack: the page says so itself. */
async function start() {
  const { loadWords } = await import("./words.js");
  const [{ proveAll }, { proveStates }, signing, session, receipts, trust] = await Promise.all([
    import("./proof.js"),
    import("./state.js"),
    import("./signing.js"),
    import("./session.js"),
    import("./receipts.js"),
    import("./trust.js"),
    loadWords(),
  ]);
  modules("sign-in").forEach(session.signInSection);
  modules("receipt").forEach((section) => {
    receipts.receiptSection(section);
    receipts.trustSection(section, trust.logPaths());
  });
  signing.takeForms(document);
  await signing.showUnsettled();
  await proveStates();
  await proveAll();
  document.addEventListener("htmx:load", (event) => {
    const within = /** @type {HTMLElement} */ (event.target);
    showLocalTimes(within);
    signing.takeForms(within);
    proveStates(within).then(() => proveAll(within));
  });
  document.documentElement.dataset.ready = "";
}

showLocalTimes(document);
start();
