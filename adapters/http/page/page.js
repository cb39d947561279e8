import {
  createClient,
  dropTarget,
  pathOf,
  pasteTarget,
  sizeInWords,
  typeInWords,
} from "./client/client.js";
import { makeCard, render, showRequest } from "./card.js";
import { recordingFetch } from "./requests.js";

// The page of the first run: a client like any other, which shows its requests.

const find = (selector) => document.querySelector(selector);

const endpoint = new URL(".", location.href).href;
const organization = () => find("#organization").value.trim() || "acme";
const policyName = () => find("#policy").value || "files";

/**
 * Returns the entered token, or the one in the address; entering is needed only if that is missing
 * or refused.
 */
const token = () => find("#token").value.trim() || tokenInAddress();

// Not parsed as a query, where a plus sign would become a space.
const tokenInAddress = () => location.hash.match(/^#token=(.+)/)?.[1] ?? "";

let client;
let policies = [];

const clientWith = (more) =>
  createClient({ endpoint, organization: organization(), token, ...more });

/** Makes the client of the entered caller, and shows its policies. */
async function enter() {
  const made = clientWith({});
  client = made;
  const allowed = token() === "" ? [] : await made.policies().catch(() => []);
  // Another caller may have been entered meanwhile.
  if (client !== made) return;
  policies = allowed;
  const chosen = policyName();
  find("#policy").replaceChildren(...policies.map(({ name }) => new Option(name, name)));
  find("#policy").value = policies.some(({ name }) => name === chosen) ? chosen : "files";
  find("#policy-field").hidden = policies.length < 2;
  showPolicy();
}

function showPolicy() {
  const policy = policies.find(({ name }) => name === policyName());
  const { allowedTypes = [], extensions = {} } = policy ?? {};
  find("#file").accept = [...allowedTypes, ...Object.keys(extensions)].join();
  find("#limits").textContent = policy
    ? `Up to ${sizeInWords(policy.maxSize)} of ${allowedTypes.map(typeInWords).join(", ")}`
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

/** Uploads in the list, by their files: one that is dropped twice is sent once. */
const added = new Map();

function uploadAll(files) {
  let last;
  for (const file of files) last = add(file);
  // On a phone the list is below the fold.
  last?.card.scrollIntoView({ block: "center" });
}

function add(file) {
  const { name, size, lastModified } = file;
  const place = [organization(), policyName(), pathOf(file) ?? name];
  const key = JSON.stringify([...place, size, lastModified]);
  const before = added.get(key);
  if (before && before.state !== "failed" && before.state !== "aborted") return before;
  before?.card.remove();
  const upload = { file, card: makeCard(file, (act) => acts[act](upload)) };
  added.set(key, upload);
  find("#list").prepend(upload.card);
  start(upload);
  return upload;
}

const acts = {
  pause(upload) {
    upload.task.pause();
    update(upload, { state: "paused" });
  },
  resume(upload) {
    upload.task.resume();
    update(upload, { state: "uploading" });
  },
  abort: ({ task }) => task.abort(),
  retry: start,
};

const update = (upload, change) => render(Object.assign(upload, change));

/** Uploads a file, and shows it until it ends. */
async function start(upload) {
  const { file, card } = upload;
  const fetch = recordingFetch(file, (...request) => showRequest(card, ...request));
  const onProgress = (progress) => update(upload, { progress });
  const task = clientWith({ fetch }).upload(file, { policy: policyName(), onProgress });
  update(upload, { task, state: "uploading", progress: undefined });
  try {
    update(upload, { state: "done", result: await task });
  } catch (error) {
    update(upload, { state: error.code === "aborted" ? "aborted" : "failed", error });
    card.scrollIntoView({ block: "nearest" });
    if (error.code !== "unauthenticated") return;
    find("#token-field").hidden = false;
    find("#token").focus();
  }
}

/** Copies a command; without a secure context there is no clipboard, and it is selected instead. */
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

/** Renames a pasted screenshot, which browsers always call `image.png`. */
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
  // Otherwise choosing the same file again would be no change.
  target.value = "";
});
find("#policy").addEventListener("change", showPolicy);
for (const field of ["#organization", "#token"]) find(field).addEventListener("change", enter);
addEventListener("hashchange", readAddress);
readAddress();
