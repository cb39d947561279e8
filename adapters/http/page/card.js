/**
 * An upload on the page.
 *
 * @typedef {{
 *   name: string, size: number, lastModified?: number, type?: string, file?: File, card: any,
 *   state: "uploading" | "paused" | "unfinished" | "done" | "failed" | "aborted" | "removed",
 *   task?: any, progress?: any, result?: any, error?: any,
 *   begun?: any, // As the client lists it after a reload.
 *   at?: number, // When it was confirmed, if that was before a reload.
 *   since?: { at: number, sent: number }, // From when its speed is measured.
 *   requests: Array<[title: string, about: string, command: string]>, partSize?: number,
 * }} Upload
 */

const copyFrom = (id) => document.querySelector(id).content.cloneNode(true).firstElementChild;

/** Makes the card of a file. `onClick` gets the names of buttons. */
export function makeCard({ name, file }, onClick) {
  const card = copyFrom("#card");
  card.querySelector("h3").textContent = name;
  card.querySelector("progress").setAttribute("aria-label", `Sent of ${name}`);
  card.querySelector(".thumb").textContent = /\.(.{1,4})[^.]*$/.exec(name)?.[1] ?? "";
  if (file?.type.startsWith("image/")) showImage(card, URL.createObjectURL(file));
  for (const button of card.querySelectorAll("[data-act]")) {
    button.setAttribute("aria-label", `${button.textContent} ${name}`);
    button.addEventListener("click", () => onClick(button.dataset.act));
  }
  return card;
}

export function render(upload) {
  const { card, state, size, type, progress, result, error, requests } = upload;
  const find = (selector) => card.querySelector(selector);
  const isRefused = error && (state === "failed" || state === "done");
  card.dataset.state = state;
  setText(find(".size"), inUnits(size), type);
  setText(find(".status"), SENTENCES[state](upload));
  setText(find(".detail"), isRefused && detailFrom(error));
  find(".progress").hidden = state !== "uploading" && state !== "paused";
  if (progress) {
    const { percent, parts } = progress;
    find("progress").value = percent;
    find("progress").style.setProperty("--parts", parts?.total ?? 1);
    const done = parts && `${parts.done} of ${parts.total} parts`;
    setText(find(".numbers"), `${percent} %`, done, ...speedFrom(upload));
  }
  if (result) {
    find("a").href = result.getUrl;
    if (result.contentType.startsWith("image/")) showImage(card, result.getUrl);
  }
  const acts = actsOn(upload);
  for (const button of card.querySelectorAll("[data-act]")) {
    button.hidden = !acts.includes(button.dataset.act);
    // The keyboard's focus would be lost with its button.
    if (button.hidden && button === document.activeElement) find("summary").focus();
  }
  const list = find(".requests ol");
  find(".requests").hidden = requests.length === 0;
  if (list.children.length > requests.length) list.replaceChildren();
  for (const [title, about, command] of requests.slice(list.children.length)) {
    const item = copyFrom("#request");
    item.querySelector("h4").textContent = title;
    item.querySelector("p").textContent = about;
    item.querySelector("code").textContent = command;
    item.querySelector("button").setAttribute("aria-label", `Copy the ${title} request`);
    list.append(item);
  }
}

/** Changes a text; a live region would read out again what is set again. */
export function setText(element, ...texts) {
  const text = texts.filter(Boolean).join(" · ");
  if (element.textContent !== text) element.textContent = text;
}

/** Shows an image in place of the extension, if the browser can. */
function showImage(card, url) {
  if (card.dataset.image === url) return;
  card.dataset.image = url;
  const image = Object.assign(new Image(), { alt: "", src: url });
  image.decode().then(
    () => card.querySelector(".thumb").replaceChildren(image),
    () => undefined,
  );
}

/** Failures that another attempt with the same file cannot mend. */
const FINAL = new Set([
  "refused",
  "empty-file",
  "directory",
  "mismatch",
  "wrong-content",
  "unsafe",
]);

function actsOn({ state, error, begun }) {
  if (state === "uploading") return ["pause", "abort"];
  if (state === "paused") return ["resume", "abort"];
  if (state === "done") return ["open", "remove"];
  if (state === "removed") return [];
  return [error && !FINAL.has(error.code) && "retry", begun && "discard"];
}

const SENTENCES = {
  uploading: ({ progress }) => (progress?.retrying ? reasonFrom(progress.retrying) : ""),
  paused: () => "Paused.",
  unfinished: () => "It was not finished. Choose the file again, and it goes on.",
  done: ({ at, result: { size, contentType } }) =>
    at
      ? `Confirmed at ${new Date(at).toLocaleTimeString([], { timeStyle: "short" })}.`
      : `Confirmed: the store has ${size.toLocaleString([], BYTES)}, sent as ${contentType}.`,
  failed: ({ error: { code, message, userMessage = message } }) =>
    code === "unauthenticated"
      ? "Enter the token that the service printed when it started, then try again."
      : userMessage,
  removed: () => "Removed. Nothing opens it any more.",
  aborted: ({ progress }) =>
    WAITS[progress?.retrying?.reason]
      ? "Cancelled after it had arrived: the store still has it."
      : "Cancelled. Nothing of it is left in the store.",
};

/** The code, and for the operator the message if it says more. */
function detailFrom({ code, problem, message, userMessage }) {
  const isMore = code !== "unauthenticated" && message !== userMessage;
  return (problem?.code ?? code) + (isMore ? `: ${message}` : "");
}

const REASONS = {
  network: "No answer",
  busy: "Too busy to answer",
  expired: "The signed URL expired, and is replaced",
  offline: "This browser is offline: it goes on when there is a network",
  paused: "Paused",
  elsewhere: "Another tab uploads this file: this one waits for it",
};

/** A file that has arrived, and is not ready. */
const WAITS = {
  copying: "It has arrived, and is copied to its place",
  scanning: "It has arrived, and is being scanned",
};

function reasonFrom({ reason, delay, until }) {
  if (WAITS[reason]) return `${WAITS[reason]}: asked again in ${inTime(delay)}.`;
  const times = `tried again in ${inTime(delay)}, given up in ${inTime(until - Date.now())}`;
  return delay === 0 ? `${REASONS[reason]}.` : `${REASONS[reason]}: ${times}.`;
}

/** The speed, and the time that is left, once they have been measured for a second. */
function speedFrom(upload) {
  const { state, progress, since } = upload;
  const now = { at: performance.now(), sent: progress.sent };
  // Bytes that are sent again, or not at all, have no speed.
  if (since === undefined || progress.retrying || state === "paused") upload.since = now;
  const time = now.at - upload.since.at;
  const speed = (now.sent - upload.since.sent) / time;
  if (time < 1000 || speed <= 0) return [];
  return [`${inUnits(speed * 1000)}/s`, `${inTime((progress.total - now.sent) / speed)} left`];
}

const BYTES = { style: "unit", unit: "byte", unitDisplay: "long" };
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A size in the unit in which it has up to three digits. */
export function inUnits(bytes) {
  const power = Math.max(0, Math.ceil(Math.log2(bytes / 1000) / 10));
  const size = bytes / 1024 ** power;
  return `${size.toLocaleString([], { maximumSignificantDigits: 3 })} ${UNITS[power]}`;
}

function inTime(milliseconds) {
  const seconds = Math.max(1, Math.round(milliseconds / 1000));
  return seconds < 100 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
