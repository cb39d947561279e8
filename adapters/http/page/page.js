import { createClient, dropTarget, pasteTarget } from "./client/client.js";
import { inUnits, makeCard, render, setText } from "./card.js";
import { recordingFetch } from "./requests.js";

/**
 * The page to try the service on: a client like any other, which shows what it sends.
 *
 * @typedef {import("./card.js").Upload} Upload
 */

/** @returns {any} */
const find = (selector) => document.querySelector(selector);

const endpoint = new URL(".", location.href).href;
const organization = () => find("#organization").value.trim() || "acme";
const policyName = () => find("#policy").value || "files";

/** A token is entered only where the one in the address is missing or did not do. */
const token = () => find("#token").value.trim() || tokenInAddress();

// Not read as query parameters, where a plus sign would become a space.
const tokenInAddress = () => location.hash.match(/^#token=(.+)/)?.[1] ?? "";

/** In the order in which they came. @type {Upload[]} */
let uploads = [];

/** @type {ReturnType<typeof createClient>} */
let client;

/** What the caller may upload. @type {Awaited<ReturnType<typeof client.policies>>} */
let policies = [];

/** Makes the client for who is entered, and shows what that one may upload, and has begun. */
async function enter() {
  const made = createClient({ endpoint, organization: organization(), token, fetch });
  client = made;
  const [allowed, pending] = await Promise.all([
    token() === "" ? [] : made.policies().catch(() => []),
    made.pending().catch(() => []),
  ]);
  // Another one may have been entered meanwhile.
  if (client !== made) return;
  policies = allowed;
  const chosen = policyName();
  find("#policy").replaceChildren(...policies.map(({ name }) => new Option(name, name)));
  find("#policy").value = policies.some(({ name }) => name === chosen) ? chosen : "files";
  find("#policy-field").hidden = policies.length < 2;
  showPolicy();
  remove(({ state }) => state === "unfinished");
  for (const begun of pending) {
    const upload = { ...begun, name: begun.filename, begun, state: "unfinished" };
    if (!uploads.some((each) => isSame(each, upload))) add(upload);
  }
}

const isSame = (one, other) =>
  one.name === other.name && one.size === other.size && one.lastModified === other.lastModified;

const isLeft = ({ begun, state }) => begun && state !== "uploading" && state !== "paused";

/** Of two uploads that look the same it does not matter which is found. */
const findSilent = (name, size) =>
  uploads
    .filter(({ task, requests }) => task && requests.length === 0)
    .find((each) => each.name === name && each.size === size);
const fetch = recordingFetch(findSilent, render);

function showPolicy() {
  const policy = policies.find(({ name }) => name === policyName());
  const { allowedTypes = [], extensions = {} } = policy ?? {};
  find("#file").accept = [...allowedTypes, ...Object.keys(extensions)].join();
  find("#limits").textContent = policy
    ? `Up to ${inUnits(policy.maxSize)} of ${allowedTypes.join(", ")}`
    : "The policy of the service says which.";
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

/** Puts an upload on top of the list. @returns {Upload} */
function add(facts) {
  /** @type {Upload} */
  const upload = { ...facts, requests: [], card: makeCard(facts, (act) => acts[act]?.(upload)) };
  uploads.push(upload);
  find("#list").prepend(upload.card);
  update(upload);
  return upload;
}

/** Called by the buttons of a card. */
const acts = {
  pause(upload) {
    upload.task.pause();
    update(upload, { state: "paused" });
  },
  resume(upload) {
    upload.task.resume();
    update(upload, { state: "uploading", since: undefined });
  },
  abort: ({ task }) => task.abort(),
  retry: start,
  discard: (upload) => upload.begun.discard().then(() => remove((each) => each === upload)),
};

/** @type {(upload: Upload, change?: Partial<Upload>) => void} */
function update(upload, change) {
  render(Object.assign(upload, change));
  showTotal();
}

/** @param {(upload: Upload) => boolean} isMeant */
function remove(isMeant) {
  for (const { card } of uploads.filter(isMeant)) card.remove();
  uploads = uploads.filter((each) => !isMeant(each));
  showTotal();
}

const isOver = ({ state }) => state === "done" || state === "failed" || state === "aborted";

function showTotal() {
  const [done, failed, unfinished] = ["done", "failed", "unfinished"].map(
    (state) => uploads.filter((each) => each.state === state).length,
  );
  const all = uploads.length - unfinished;
  const words = `${done} of ${all} confirmed${failed > 0 ? `, ${failed} failed` : ""}`;
  setText(find("#total"), all > 0 && words);
  find("#clear").hidden = !uploads.some(isOver);
  find("#empty").hidden = uploads.length > 0;
}

/** @param {ReadonlyArray<File>} files */
function uploadAll(files) {
  const chosen = files.map((file) => {
    const { name, size, lastModified, type } = file;
    const left = uploads.find((each) => isLeft(each) && isSame(each, file));
    const upload = left ?? add({ name, size, lastModified, type, file, state: "uploading" });
    return Object.assign(upload, { file, type });
  });
  // On a phone the list is below the fold.
  chosen[0]?.card.scrollIntoView({ block: "center" });
  const together = chosen.filter(({ begun }) => chosen.length > 1 && !begun);
  for (const each of chosen) if (!together.includes(each)) start(each);
  const byFile = new Map(together.map((each) => [each.file, each]));
  const all = client.uploadAll(byFile.keys(), {
    policy: policyName(),
    onFileProgress: (file, progress) => update(byFile.get(file), { progress }),
  });
  for (const [index, each] of [...byFile.values()].entries()) follow(each, all.uploads[index]);
}

/** Uploads one file, from where it was left. @param {Upload} upload */
function start(upload) {
  const { file, begun: resume } = upload;
  const onProgress = (progress) => update(upload, { progress });
  follow(upload, client.upload(file, { policy: policyName(), resume, onProgress }));
}

/** Shows an upload until it ends. */
async function follow(upload, task) {
  const anew = { progress: undefined, since: undefined, requests: [] };
  update(upload, { task, state: "uploading", ...anew });
  try {
    const result = await task;
    update(upload, { state: "done", result, begun: undefined });
    remember({ name: upload.name, at: Date.now(), result });
  } catch (error) {
    if (error.code === "aborted") update(upload, { state: "aborted", error, begun: undefined });
    else update(upload, { state: "failed", error });
    upload.card.scrollIntoView({ block: "nearest" });
    if (error.code !== "unauthenticated") return;
    find("#token-field").hidden = false;
    find("#token").focus();
  }
}

/** Where this tab keeps its last uploads, so that a reload shows them again. */
const HISTORY = "valetkey-uploads";

/** Gives the last uploads, with another one if there is one; none where pages may keep nothing. */
function remember(...entry) {
  try {
    const entries = [...JSON.parse(sessionStorage.getItem(HISTORY) ?? "[]"), ...entry].slice(-50);
    sessionStorage.setItem(HISTORY, JSON.stringify(entries));
    return entries;
  } catch {
    return [];
  }
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

/** Browsers call every pasted screenshot `image.png`. */
const withOwnName = (file) =>
  file.name === "image.png" ? new File([file], "pasted-image.png", { type: file.type }) : file;

function readAddress() {
  find("#token").value = "";
  find("#token-field").hidden = tokenInAddress() !== "";
  enter();
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
find("#clear").addEventListener("click", () => {
  remove(isOver);
  sessionStorage.removeItem(HISTORY);
  find("#drop").focus();
});
find("#policy").addEventListener("change", showPolicy);
for (const field of ["#organization", "#token"]) find(field).addEventListener("change", enter);
addEventListener("hashchange", readAddress);
for (const { name, at, result } of remember()) {
  const { size, contentType: type } = result;
  add({ name, size, type, at, result, state: "done" });
}
readAddress();
