/**
 * The page to try the service on: a client like any other, which shows what it sends.
 *
 * @typedef {{ file: File, signal: AbortSignal }} Run One upload; the signal ends it early.
 * @typedef {{
 *   put_url: string, put_headers: Record<string, string>, put_expires_at: string,
 *   get_url: string, get_expires_at: string, receipt: string,
 * }} Signed What the service answers to presign.
 * @typedef {{
 *   name: string, max_size: number, allowed_types: string[], extensions: Record<string, string>,
 * }} Policy What may be uploaded.
 */

/** @type {File} */
let latest;
let current = new AbortController();
/** @type {Promise<Policy | undefined>} */
let policy;

/**
 * Takes one file through the four steps, in place of the upload that may still be under way.
 * @param {File} file
 */
async function upload(file) {
  latest = file;
  current.abort();
  current = new AbortController();
  const run = { file, signal: current.signal };
  clear();
  try {
    const signed = await presign(run);
    await put(run, signed);
    await get(run, signed);
    await confirm(run, signed);
  } catch (cause) {
    if (!run.signal.aborted) showRefusal(cause);
  }
}

/** @type {(run: Run) => Promise<Signed>} */
async function presign({ file, signal }) {
  const type = file.type || (await typeByName(file.name)) || "application/octet-stream";
  const asked = { filename: file.name, content_type: type, size: file.size };
  const signed = await post("presign", asked, signal);
  end("presign", `Signed for ${inBytes(file.size)} until ${inWords(signed.put_expires_at)}`);
  return signed;
}

/** The allowed type of files with such a name, for a file whose type the browser does not know. */
async function typeByName(name) {
  const [extension = ""] = /\.[^.]*$/.exec(name.toLowerCase()) ?? [];
  return (await policy)?.extensions[extension];
}

/**
 * Reads the policy of this page's uploads, and shows its limits.
 * @returns {Promise<Policy | undefined>} Undefined if the service does not tell it to this caller.
 */
async function readPolicy() {
  const found = await fetchPolicy().catch(() => undefined);
  const { max_size = 0, allowed_types = [], extensions = {} } = found ?? {};
  find("#file").accept = [...allowed_types, ...Object.keys(extensions)].join();
  find("#limits").textContent = found
    ? `Up to ${inUnits(max_size)} of ${allowed_types.join(", ")}`
    : "Other files work too, if the service's policy allows them.";
  return found;
}

/** @returns {Promise<Policy | undefined>} */
async function fetchPolicy() {
  if (token() === "") return undefined;
  const headers = { Authorization: `Bearer ${token()}` };
  const response = await fetch(address("policies"), { headers });
  if (!response.ok) return undefined;
  const { policies } = await response.json();
  return policies.find(({ name }) => name === "files");
}

/** Where the service answers for the files of the organization. */
const address = (step) =>
  `${location.origin}/api/v1/orgs/${encodeURIComponent(organization())}/files/${step}`;

/** Asks the service for what the step is called, which is also the last word of its address. */
async function post(step, asked, signal) {
  const url = address(step);
  const headers = { Authorization: `Bearer ${token()}`, "Content-Type": "application/json" };
  const body = JSON.stringify(asked);
  begin(step, curl(quote(url), ...headerOptions(headers), `--data ${quote(body)}`));
  // Made outside of fetch, so that a token no header can carry is not taken for a silent service.
  const request = new Request(url, { method: "POST", headers, body, signal });
  const response = await fetch(request).catch(() => Promise.reject(serviceSilent()));
  if (!response.ok) throw await serviceRefusal(response);
  return response.json();
}

/** @type {(run: Run, signed: Signed) => Promise<void>} */
async function put({ file, signal }, { put_url, put_headers }) {
  const upload = `--include --globoff --upload-file ${quote(file.name)}`;
  begin("put", curl(upload, ...headerOptions(put_headers), quote(put_url)));
  await send({ file, url: put_url, headers: put_headers, signal });
  end("put", `The store has all ${inBytes(file.size)}`);
}

/** With XMLHttpRequest, because fetch does not tell how much of a body has been sent. */
function send({ file, url, headers, signal }) {
  /** @type {PromiseWithResolvers<void>} */
  const { promise, resolve, reject } = Promise.withResolvers();
  const request = new XMLHttpRequest();
  request.open("PUT", url);
  for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
  request.upload.addEventListener("progress", ({ loaded }) => {
    if (!signal.aborted) showProgress(loaded, file.size);
  });
  request.addEventListener("load", () => {
    if (request.status >= 200 && request.status < 300) resolve();
    else reject(storeRefusal(request.status, request.responseText));
  });
  request.addEventListener("error", () => reject(storeSilent(url)));
  signal.addEventListener("abort", () => {
    request.abort();
    reject(signal.reason);
  });
  showProgress(0, file.size);
  request.send(file);
  return promise;
}

/** @type {(run: Run, signed: Signed) => Promise<void>} */
async function get({ file, signal }, { get_url, get_expires_at }) {
  begin("get", curl("--remote-name", quote(get_url)));
  const image = await imageAt(get_url, file);
  signal.throwIfAborted();
  if (image === undefined) await read(get_url, signal);
  end("get", `The URL works until ${inWords(get_expires_at)}`);
  showResult({ url: get_url, file, image });
}

/** @type {(run: Run, signed: Signed) => Promise<void>} */
async function confirm({ signal }, { receipt }) {
  const { size, content_type } = await post("confirm", { receipt }, signal);
  end("confirm", `The store has ${inBytes(size)} of ${content_type}, as signed`);
  bringIntoView("#result");
}

/** The image behind a URL, which a page may show even where CORS permits it no fetch. */
async function imageAt(url, file) {
  if (!file.type.startsWith("image/")) return undefined;
  const image = new Image();
  image.alt = file.name;
  image.src = url;
  return image.decode().then(
    () => image,
    () => undefined,
  );
}

async function read(url, signal) {
  const response = await fetch(url, { signal }).catch(() => Promise.reject(storeSilent(url)));
  if (!response.ok) throw storeRefusal(response.status, await response.text());
  await response.blob();
}

/** Why an upload goes no further, as a person reads it. */
const refusal = ({ title, detail, code = "", status = 0 }) =>
  Object.assign(new Error(detail), { title, code, status });

/** What presign answers to a name, type or size that is not allowed, however often it is tried. */
const OF_FILE = new Set([400, 413, 415]);

/** A refusal of the service (RFC 9457), or of a proxy in front of it that answers otherwise. */
async function serviceRefusal(response) {
  const { status } = response;
  const problem = await response.json().catch(() => ({}));
  return refusal({
    title: problem.title ?? "The service refused the upload",
    detail: problem.detail ?? `It answered ${status} and did not say why.`,
    code: problem.code ?? String(status),
    status,
  });
}

/** A refusal of the store, in the XML of S3. */
function storeRefusal(status, text) {
  const xml = new DOMParser().parseFromString(text, "application/xml");
  const textOf = (name) => xml.querySelector(`Error > ${name}`)?.textContent;
  return refusal({
    title: "The store refused the file",
    detail: textOf("Message") ?? `It answered ${status} and did not say why.`,
    code: textOf("Code") ?? String(status),
  });
}

const serviceSilent = () =>
  refusal({
    title: "The service does not answer",
    detail: `Check that it still runs at ${location.origin}.`,
  });

/** A browser does not tell a page whether the store is down or CORS keeps its answer back. */
function storeSilent(url) {
  const { origin } = new URL(url);
  const running = `Check that the store runs and that this browser can reach ${origin}.`;
  const cors = `Check also that its CORS rules permit ${location.origin}: MINIO_API_CORS_ALLOW_ORIGIN for MinIO, the CORS rules of the bucket elsewhere.`;
  const detail = origin === location.origin ? running : `${running} ${cors}`;
  return refusal({ title: "The store does not answer this page", detail });
}

const curl = (first, ...rest) => [`curl ${first}`, ...rest].join(" \\\n  ");

const headerOptions = (headers) =>
  Object.entries(headers).map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`);

/** One word of a POSIX shell: inside single quotes, only a single quote means anything. */
const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

const inBytes = (count) => `${count.toLocaleString()} bytes`;

const inUnits = (count) =>
  count < 2 ** 20
    ? inBytes(count)
    : `${(count / 2 ** 20).toLocaleString(undefined, { maximumFractionDigits: 1 })} MiB`;

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const inWords = (instant) => DATE.format(new Date(instant));

const STEPS = ["presign", "put", "get", "confirm"];

/** @returns {any} */
const find = (selector) => document.querySelector(selector);

function clear() {
  for (const shown of ["#refusal", "#result", "#progress", "#note"]) find(shown).hidden = true;
  for (const step of STEPS) {
    setState(step, { state: "waiting", sentence: "" });
    find(`#${step} .curl`).hidden = true;
  }
}

function begin(step, curlLine) {
  setState(step, { state: "going", sentence: "Under way" });
  find(`#${step}-curl`).textContent = curlLine;
  find(`#${step} output`).textContent = "";
  find(`#${step} .curl`).hidden = false;
}

const end = (step, sentence) => setState(step, { state: "done", sentence });

function setState(step, { state, sentence }) {
  find(`#${step}`).dataset.state = state;
  find(`#${step} .status`).textContent = sentence;
}

function showProgress(loaded, total) {
  find("#put-progress").max = total;
  find("#put-progress").value = loaded;
  find("#progress p").textContent = `${loaded.toLocaleString()} of ${inBytes(total)}`;
  find("#progress").hidden = false;
}

function showResult({ url, file, image }) {
  const link = find("#result a");
  link.href = url;
  link.textContent = `Open ${file.name}`;
  find("#result").replaceChildren(...(image === undefined ? [] : [image]), link);
  find("#result").hidden = false;
}

/** @param {any} cause What `refusal` makes, or an error of this page itself. */
function showRefusal(cause) {
  const { title = "This page failed", message, name, code = name, status } = cause;
  const step = STEPS.find((step) => find(`#${step}`).dataset.state === "going");
  if (step !== undefined) setState(step, { state: "failed", sentence: "Stopped here" });
  find("#refusal strong").textContent = title;
  find("#refusal p").textContent = message;
  find("#refusal code").textContent = code;
  find("#refusal button").hidden = step === "presign" && OF_FILE.has(status);
  find("#refusal").hidden = false;
  bringIntoView("#refusal");
  if (code === "UNAUTHENTICATED") askForToken();
}

/** On a phone it can be above or below what is seen. */
const bringIntoView = (selector) => find(selector).scrollIntoView({ block: "nearest" });

const organization = () => find("#organization").value.trim();

/** A token is entered only where the one in the address is missing or did not do. */
const token = () => find("#token").value.trim() || tokenInAddress();

// Not read as query parameters, where a plus sign would become a space.
const tokenInAddress = () => location.hash.match(/^#token=(.+)/)?.[1] ?? "";

function askForToken() {
  find("#token-field").hidden = false;
  find("#token").focus();
}

function readAddress() {
  find("#token").value = "";
  find("#token-field").hidden = tokenInAddress() !== "";
  policy = readPolicy();
}

/** Takes the first of several files, and says so. */
function choose(files) {
  const [file] = files ?? [];
  if (file === undefined) return;
  upload(file);
  find("#note").textContent =
    `These are ${files.length} files, and this page takes one at a time: ${file.name} is uploaded.`;
  find("#note").hidden = files.length === 1;
}

/** Browsers call every pasted screenshot `image.png`. */
function withOwnName(file) {
  if (file.name !== "image.png") return file;
  return new File([file], "pasted-image.png", { type: file.type });
}

/** Without a secure context there is no clipboard to write to; the line is selected instead. */
async function copy(step) {
  const line = find(`#${step}-curl`);
  const said = find(`#${step} output`);
  try {
    await navigator.clipboard.writeText(line.textContent);
    said.textContent = "Copied";
  } catch {
    getSelection()?.selectAllChildren(line);
    said.textContent = "Selected, to copy with the keyboard";
  }
}

const carriesFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files") === true;
const showDragging = (dragging) => document.body.classList.toggle("dragging", dragging);

document.addEventListener("paste", ({ clipboardData }) => {
  choose(Array.from(clipboardData?.files ?? [], withOwnName));
});
document.addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  // Or the browser would leave the page for the dropped file.
  event.preventDefault();
  showDragging(true);
});
document.addEventListener("dragleave", ({ relatedTarget }) => {
  if (relatedTarget === null) showDragging(false);
});
document.addEventListener("drop", (event) => {
  showDragging(false);
  if (!carriesFiles(event)) return;
  event.preventDefault();
  choose(event.dataTransfer?.files);
});
find("#drop").addEventListener("click", () => find("#file").click());
find("#file").addEventListener("change", ({ target }) => {
  choose([...target.files]);
  // So that choosing the same file again is a change.
  target.value = "";
});
find("#refusal button").addEventListener("click", () => {
  // The button is about to disappear under the keyboard's focus.
  find("#drop").focus();
  upload(latest);
});
for (const step of STEPS) find(`#${step} button`).addEventListener("click", () => copy(step));
addEventListener("hashchange", readAddress);
for (const field of ["#organization", "#token"]) {
  find(field).addEventListener("change", () => {
    policy = readPolicy();
  });
}
readAddress();
