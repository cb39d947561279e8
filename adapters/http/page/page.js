import { createClient, dropTarget, pasteTarget } from "./client/client.js";
import { endUnfinished, makeCard, showUnfinished, unfinishedOf } from "./card.js";
import { recorder } from "./requests.js";
import { atClock, inUnits } from "./words.js";

/** The page to try the service on: a client like any other, which shows what it sends. */

/** @returns {any} */
const find = (selector) => document.querySelector(selector);

const organization = () => find("#organization").value.trim() || "acme";

/** A token is entered only where the one in the address is missing or did not do. */
const token = () => find("#token").value.trim() || tokenInAddress();

// Not read as query parameters, where a plus sign would become a space.
const tokenInAddress = () => location.hash.match(/^#token=(.+)/)?.[1] ?? "";

const endpoint = new URL(".", location.href).href;

/** The cards by their records. @type {Map<object, ReturnType<typeof makeCard>>} */
const cards = new Map();
const records = recorder((record) => cards.get(record)?.showRequests(record));

/** @type {ReturnType<typeof createClient>} */
let client;

/** Makes the client for who is entered, and shows what that one may upload. */
async function enter() {
  const made = createClient({
    endpoint,
    organization: organization(),
    token,
    fetch: records.fetch,
  });
  client = made;
  showCode();
  const [policies, pending] = await Promise.all([
    token() === "" ? [] : made.policies().catch(() => []),
    made.pending().catch(() => []),
  ]);
  // Another one may have been entered meanwhile.
  if (client !== made) return;
  showPolicies(policies);
  showUnfinished(pending);
}

/** What may be uploaded. @type {Awaited<ReturnType<typeof client.policies>>} */
let offered = [];

function showPolicies(policies) {
  offered = policies;
  const select = find("#policy");
  const chosen = select.value;
  select.replaceChildren(...offered.map(({ name }) => new Option(name, name)));
  select.value = offered.some(({ name }) => name === chosen) ? chosen : "files";
  find("#policy-field").hidden = offered.length < 2;
  showLimits();
}

function showLimits() {
  const policy = offered.find(({ name }) => name === policyName());
  const { allowedTypes = [], extensions = {} } = policy ?? {};
  find("#file").accept = [...allowedTypes, ...Object.keys(extensions)].join();
  find("#limits").textContent = policy
    ? `Up to ${inUnits(policy.maxSize)} of ${allowedTypes.join(", ")}`
    : "The policy of the service says which.";
  showCode();
}

const policyName = () => find("#policy").value || "files";

function showCode() {
  const options = policyName() === "files" ? "" : `, { policy: ${JSON.stringify(policyName())} }`;
  find("#code code").textContent = `import { createClient } from "valetkey/client";

const client = createClient({
  endpoint: ${JSON.stringify(endpoint)},
  organization: ${JSON.stringify(organization())},
  token: ${JSON.stringify(token())},
});
const { key, fileUrl } = await client.upload(file${options});
`;
}

/** @param {ReadonlyArray<File>} files */
function uploadAll(files) {
  if (files.length === 0) return;
  find("#empty").hidden = true;
  const rows = files.map((file) => row(file));
  // On a phone the list is below the fold.
  rows[0].card.element.scrollIntoView({ block: "center" });
  const alone = rows.filter(({ file }) => rows.length === 1 || unfinishedOf(file));
  const together = rows.filter((each) => !alone.includes(each));
  for (const each of alone) each.start();
  if (together.length === 0) return;
  const byFile = new Map(together.map((each) => [each.file, each]));
  const all = client.uploadAll([...byFile.keys()], {
    policy: policyName(),
    onFileProgress: (file, progress) => byFile.get(file)?.card.showProgress(progress),
  });
  for (const [index, each] of together.entries()) each.follow(all.uploads[index]);
  all.catch(() => undefined);
}

/** One file in the list. @param {File} file */
function row(file) {
  const { name, size, type } = file;
  const record = { name, size, shown: [] };
  /** @type {any} */
  let task;
  const card = makeCard({
    name,
    size,
    type,
    file,
    act: (act) => {
      if (act === "retry") return each.start();
      task?.[act]();
      if (act === "pause") card.setState("paused", "Paused.");
      if (act === "resume") card.setState("sending", "");
    },
  });
  cards.set(record, card);
  const each = {
    file,
    card,
    start: () => {
      const { begun: resume, notice } = unfinishedOf(file) ?? {};
      notice?.remove();
      const { showProgress: onProgress } = card;
      return each.follow(client.upload(file, { policy: policyName(), resume, onProgress }));
    },
    /** @param {any} upload Under way. */
    follow: async (upload) => {
      task = upload;
      record.shown = [];
      card.clearRequests();
      records.expect(record);
      card.setState("waiting", "");
      showTotal();
      try {
        const result = await upload;
        card.showDone(result);
        remember({ name, ...result });
        endUnfinished(file, false);
      } catch (cause) {
        showFailure(card, cause);
        endUnfinished(file, cause?.code !== "aborted");
      }
      records.forget(record);
      showTotal();
    },
  };
  return each;
}

/** What no other attempt at the same file can mend. */
const OF_FILE = new Set(["refused", "empty-file", "directory", "mismatch"]);

function showFailure(card, cause) {
  const { code, message, userMessage = message } = cause;
  const isAborted = code === "aborted";
  const isUnknown = code === "unauthenticated";
  card.element.classList.toggle("is-final", OF_FILE.has(code));
  card.setState(
    isAborted ? "aborted" : "failed",
    isAborted
      ? "Cancelled. Nothing of it is left in the store."
      : isUnknown
        ? "Enter the token that the service printed when it started, then try again."
        : userMessage,
    isAborted ? undefined : (cause.problem?.code ?? code),
    // For whoever runs the service.
    isAborted || isUnknown || message === userMessage ? "" : message,
  );
  card.element.scrollIntoView({ block: "nearest" });
  if (isUnknown) askForToken();
}

function askForToken() {
  find("#token-field").hidden = false;
  find("#token").focus();
}

function showTotal() {
  const states = [...document.querySelectorAll("#list .card")].map(
    (card) => /** @type {HTMLElement} */ (card).dataset.state,
  );
  const count = (state) => states.filter((one) => one === state).length;
  const done = count("done");
  const failed = count("failed");
  const words = [`${done} of ${states.length} confirmed`, failed > 0 && `${failed} failed`];
  find("#total").textContent = states.length === 0 ? "" : words.filter(Boolean).join(", ");
  find("#clear").hidden = !states.some((state) => state !== "waiting" && state !== "sending");
  find("#empty").hidden = states.length > 0;
}

/** Where this tab keeps what it has uploaded, so that a reload shows it again. */
const HISTORY = "valetkey-history";
const LONGEST_HISTORY = 50;

function remember({ name, size, contentType, getUrl }) {
  const entry = { name, size, contentType, getUrl, at: Date.now() };
  const entries = [...history(), entry].slice(-LONGEST_HISTORY);
  sessionStorage.setItem(HISTORY, JSON.stringify(entries));
}

function history() {
  try {
    return JSON.parse(sessionStorage.getItem(HISTORY) ?? "[]");
  } catch {
    return [];
  }
}

function showHistory() {
  for (const entry of history()) {
    const { name, size, contentType: type, at } = entry;
    const card = makeCard({ name, size, type, act: () => undefined });
    card.showDone(entry);
    card.setState("done", `Confirmed at ${atClock(at)}.`);
  }
  showTotal();
}

function clearFinished() {
  for (const card of document.querySelectorAll("#list .card")) {
    const { state } = /** @type {HTMLElement} */ (card).dataset;
    if (state === "done" || state === "failed" || state === "aborted") card.remove();
  }
  sessionStorage.removeItem(HISTORY);
  showTotal();
  find("#drop").focus();
}

/** Browsers call every pasted screenshot `image.png`. */
function withOwnName(file) {
  if (file.name !== "image.png") return file;
  return new File([file], "pasted-image.png", { type: file.type });
}

/** Without a secure context there is no clipboard to write to; the text is selected instead. */
async function copy(button) {
  const text = button.parentElement.querySelector("code");
  try {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection()?.selectAllChildren(text);
    button.textContent = "Selected";
  }
  button.addEventListener("blur", () => (button.textContent = "Copy"), { once: true });
}

pasteTarget(document, (files) => uploadAll(files.map(withOwnName)));
dropTarget(document, uploadAll, (isOver) => document.body.classList.toggle("dragging", isOver));
document.addEventListener("click", ({ target }) => {
  if (target instanceof HTMLButtonElement && target.classList.contains("copy")) copy(target);
});
find("#drop").addEventListener("click", () => find("#file").click());
find("#file").addEventListener("change", ({ target }) => {
  uploadAll([...target.files]);
  // So that choosing the same file again is a change.
  target.value = "";
});
find("#clear").addEventListener("click", clearFinished);
find("#policy").addEventListener("change", showLimits);

function readAddress() {
  find("#token").value = "";
  find("#token-field").hidden = tokenInAddress() !== "";
  enter();
}
addEventListener("hashchange", readAddress);
for (const field of ["#organization", "#token"]) find(field).addEventListener("change", enter);
showHistory();
readAddress();
