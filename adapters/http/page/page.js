import { createClient, dropTarget, pasteTarget } from "./client/client.js";
import { inUnits, makeCard, render, setText } from "./card.js";
import { recordingFetch } from "./requests.js";

// The page to try the service on: a client like any other, which shows what it sends.

const find = (selector) => document.querySelector(selector);

const endpoint = new URL(".", location.href).href;
const organization = () => find("#organization").value.trim() || "acme";
const policyName = () => find("#policy").value || "files";

/** A token is entered only where the one in the address is missing or was refused. */
const token = () => find("#token").value.trim() || tokenInAddress();

// Not read as query parameters, where a plus sign would become a space.
const tokenInAddress = () => location.hash.match(/^#token=(.+)/)?.[1] ?? "";

let uploads = [];
let client;
let policies = [];

/** Makes the client of the caller who is entered, and shows its policies and uploads. */
async function enter() {
  const made = createClient({ endpoint, organization: organization(), token, fetch });
  client = made;
  const [allowed, pending] = await Promise.all([
    token() === "" ? [] : made.policies().catch(() => []),
    made.pending().catch(() => []),
  ]);
  // Another caller may have been entered meanwhile.
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

const findWithoutRequests = (name, size) =>
  uploads.find(
    (each) => each.task && !each.requests.length && each.name === name && each.size === size,
  );
const fetch = recordingFetch(findWithoutRequests, render);

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

/** Puts an upload on top of the list. */
function add(facts) {
  const upload = { ...facts, requests: [], card: makeCard(facts, (act) => acts[act]?.(upload)) };
  uploads.push(upload);
  find("#list").prepend(upload.card);
  update(upload);
  return upload;
}

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
  remove: removeFile,
  discard: (upload) => upload.begun.discard().then(() => remove((each) => each === upload)),
};

function update(upload, change) {
  render(Object.assign(upload, change));
  showTotal();
}

function remove(isMeant) {
  for (const { card } of uploads.filter(isMeant)) card.remove();
  uploads = uploads.filter((each) => !isMeant(each));
  showTotal();
}

const OVER = new Set(["done", "failed", "aborted", "removed"]);
const isOver = ({ state }) => OVER.has(state);

function showTotal() {
  const count = (state) => uploads.filter((each) => each.state === state).length;
  const all = uploads.length - count("unfinished") - count("removed");
  const failed = count("failed") > 0 ? `, ${count("failed")} failed` : "";
  setText(find("#total"), all > 0 && `${count("done")} of ${all} confirmed${failed}`);
  find("#clear").hidden = !uploads.some(isOver);
  find("#empty").hidden = uploads.length > 0;
}

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

/** Uploads one file, from where it was left. */
function start(upload) {
  const { file, begun: resume } = upload;
  const onProgress = (progress) => update(upload, { progress });
  follow(upload, client.upload(file, { policy: policyName(), resume, onProgress }));
}

/** Shows an upload until it ends. */
async function follow(upload, task) {
  const anew = { progress: undefined, since: undefined, error: undefined, requests: [] };
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

/** Removes a file from the store, by its address at the service that this page is of. */
async function removeFile(upload) {
  const { key, fileUrl } = upload.result;
  const [, path] = new URL(fileUrl).pathname.split("/api/");
  const headers = { Authorization: `Bearer ${token()}` };
  try {
    const answer = await fetch(`${endpoint}api/${path}`, { method: "DELETE", headers });
    if (!answer.ok) {
      const { code, title, detail } = await answer.json();
      return update(upload, { error: { code, message: `${title}. ${detail}` } });
    }
    update(upload, { state: "removed", result: undefined });
    const left = remember().filter(({ result }) => result.key !== key);
    sessionStorage.setItem(HISTORY, JSON.stringify(left));
  } catch ({ message }) {
    update(upload, { error: { code: "failed", message } });
  }
}

/** Where this tab keeps its last uploads, so that a reload shows them again. */
const HISTORY = "valetkey-uploads";

/** Returns the last uploads, with those given; none where pages may keep nothing. */
function remember(...entry) {
  try {
    const entries = [...JSON.parse(sessionStorage.getItem(HISTORY) ?? "[]"), ...entry].slice(-50);
    sessionStorage.setItem(HISTORY, JSON.stringify(entries));
    return entries;
  } catch {
    return [];
  }
}

/** Copies a command; without a secure context, where there is no clipboard, it is selected. */
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
