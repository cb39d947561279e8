import { pathOf, sizeInWords } from "./client/client.js";

const copyFrom = (id) => document.querySelector(id).content.cloneNode(true).firstElementChild;

/** Makes the card of a file. `onClick` gets the names of buttons. */
export function makeCard(file, onClick) {
  const { size, type } = file;
  const name = pathOf(file) ?? file.name;
  const card = copyFrom("#card");
  card.querySelector("h3").textContent = name;
  card.querySelector(".size").textContent = [sizeInWords(size), type].filter(Boolean).join(" · ");
  card.querySelector("progress").setAttribute("aria-label", `Sent of ${name}`);
  card.querySelector(".thumb").textContent = /\.(.{1,4})[^.]*$/.exec(name)?.[1] ?? "";
  if (type.startsWith("image/")) showImage(card, URL.createObjectURL(file));
  for (const button of card.querySelectorAll("[data-act]")) {
    button.setAttribute("aria-label", `${button.textContent} ${name}`);
    button.addEventListener("click", () => onClick(button.dataset.act));
  }
  return card;
}

/** Adds a request to those that were sent for a file. */
export function showRequest(card, title, about, command) {
  const item = copyFrom("#request");
  item.querySelector("h4").textContent = title;
  item.querySelector("p").textContent = about;
  item.querySelector("code").textContent = command;
  item.querySelector("button").setAttribute("aria-label", `Copy the ${title} request`);
  card.querySelector(".requests").hidden = false;
  card.querySelector(".requests ol").append(item);
}

/**
 * Shows an upload as it is now: its `state` is uploading, paused, done, failed or aborted, and the
 * other members are the client's.
 */
export function render(upload) {
  const { card, state, progress, result, error } = upload;
  const find = (selector) => card.querySelector(selector);
  card.dataset.state = state;
  setText(find(".status"), SENTENCES[state](upload));
  setText(find(".detail"), state === "failed" ? detailFrom(error) : "");
  find(".progress").hidden = state !== "uploading" && state !== "paused";
  if (progress) {
    const { percent, parts } = progress;
    find("progress").value = percent;
    const done = parts ? ` · ${parts.done} of ${parts.total} parts` : "";
    setText(find(".numbers"), `${percent} %${done}`);
  }
  if (result) {
    find("a").href = result.getUrl;
    if (result.contentType.startsWith("image/"))
      showImage(card, result.getUrl, () => setText(find(".detail"), NOT_SHOWN));
  }
  const acts = actsOn(upload);
  for (const button of card.querySelectorAll("[data-act]")) {
    button.hidden = !acts.includes(button.dataset.act);
    // The keyboard's focus would be lost with its button.
    if (button.hidden && button === document.activeElement) find("summary").focus();
  }
}

/** Changes a text only if it differs: a live region reads a repeated text again. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const NOT_SHOWN =
  "This browser cannot show it as a picture, so its content may be of another type. A policy with verify_content refuses such files.";

/** Shows an image in place of the extension, if the browser can. */
function showImage(card, url, otherwise = () => undefined) {
  if (card.dataset.image === url) return;
  card.dataset.image = url;
  const image = Object.assign(new Image(), { alt: "", src: url });
  image.decode().then(() => card.querySelector(".thumb").replaceChildren(image), otherwise);
}

/** Failures that another attempt with the same file cannot fix. */
const FINAL = new Set([
  "refused",
  "empty-file",
  "directory",
  "mismatch",
  "wrong-content",
  "unsafe",
]);

function actsOn({ state, error }) {
  if (state === "uploading") return ["pause", "abort"];
  if (state === "paused") return ["resume", "abort"];
  if (state === "done") return ["open"];
  return FINAL.has(error.code) ? [] : ["retry"];
}

const SENTENCES = {
  uploading: ({ progress }) => (progress?.retrying ? waitFrom(progress.retrying) : ""),
  paused: () => "Paused.",
  done: ({ result: { size, contentType } }) =>
    `Confirmed: the store has ${size.toLocaleString([], BYTES)}, sent as ${contentType}.`,
  failed: ({ error: { code, message, userMessage = message } }) =>
    code === "unauthenticated"
      ? "Enter the token that the service printed when it started, then try again."
      : userMessage,
  aborted: ({ progress }) =>
    ARRIVED.has(progress?.retrying?.reason)
      ? "Cancelled after it had arrived: the store still has it."
      : "Cancelled. Nothing of it is left in the store.",
};

/** Returns the code, and for the operator the message if it says more. */
function detailFrom({ code, problem, message, userMessage }) {
  const isMore = code !== "unauthenticated" && message !== userMessage;
  return (problem?.code ?? code) + (isMore ? `: ${message}` : "");
}

const WAITS = {
  network: "No answer",
  busy: "Too busy to answer",
  expired: "The signed URL expired, and is replaced",
  offline: "This browser is offline: it goes on when there is a network",
  paused: "Paused",
  elsewhere: "Another tab uploads this file: this one waits for it",
  copying: "It has arrived, and is copied to its place",
  scanning: "It has arrived, and is being scanned",
};

/** States of a file that has arrived, and is not ready. */
const ARRIVED = new Set(["copying", "scanning"]);

const waitFrom = ({ reason, delay }) =>
  `${WAITS[reason]}${delay > 0 ? `: asked again in ${Math.ceil(delay / 1000)} s` : ""}.`;

const BYTES = { style: "unit", unit: "byte", unitDisplay: "long" };
