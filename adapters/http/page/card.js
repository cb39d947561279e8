import { inBytes, inTime, inUnits, inWords } from "./words.js";

/**
 * What the page shows of one upload.
 *
 * @typedef {import("./requests.js").Record} Record
 * @typedef {"waiting" | "sending" | "paused" | "done" | "failed" | "aborted"} State
 * @typedef {(act: "pause" | "resume" | "abort" | "retry") => void} Act
 */

/** @type {(id: string) => any} */
const copyOf = (id) => {
  const template = /** @type {HTMLTemplateElement} */ (document.querySelector(`#${id}`));
  return template.content.cloneNode(true).firstElementChild;
};

/** For how long the speed is averaged, in milliseconds. */
const SPEED_WINDOW = 5000;

/**
 * A card for a file, on top of the list.
 * @param {{ name: string, size: number, type: string, file?: File, act: Act }} options
 */
export function makeCard({ name, size, type, file, act }) {
  const card = copyOf("card");
  /** @type {(selector: string) => any} */
  const find = (selector) => card.querySelector(selector);
  find("h3").textContent = name;
  find(".size").textContent = [inUnits(size), type].filter(Boolean).join(" · ");
  find("progress").setAttribute("aria-label", `Sent of ${name}`);
  const dot = name.lastIndexOf(".");
  find(".thumb").textContent = dot < 0 ? "" : name.slice(dot + 1, dot + 5);
  if (file?.type.startsWith("image/")) showImage(URL.createObjectURL(file));
  for (const button of card.querySelectorAll("button[data-act]")) {
    button.setAttribute("aria-label", `${button.textContent} ${name}`);
    button.addEventListener("click", () => {
      act(button.dataset.act);
      // The button may be gone now, under the keyboard's focus.
      if (button.hidden || !button.checkVisibility()) card.querySelector("summary")?.focus();
    });
  }
  document.querySelector("#list")?.prepend(card);

  /** @type {Array<{ at: number, sent: number }>} */
  let samples = [];

  /** @type {(state: State, sentence: string, code?: string, detail?: string) => void} */
  function setState(state, sentence, code, detail = "") {
    card.dataset.state = state;
    find(".status").replaceChildren(sentence, ...(code === undefined ? [] : [" ", tag(code)]));
    find(".detail").textContent = detail;
    if (state !== "sending") samples = [];
  }

  /** An image that is shown only if a page may show it. @param {string} url */
  function showImage(url) {
    const image = new Image();
    image.alt = "";
    image.src = url;
    image.decode().then(
      () => find(".thumb").replaceChildren(image),
      () => undefined,
    );
  }

  return {
    element: card,
    setState,
    /** @param {any} progress Of the client. */
    showProgress({ sent, total, percent, parts, retrying }) {
      if (card.dataset.state !== "paused") setState("sending", retrying ? inWords(retrying) : "");
      find("progress").value = percent;
      if (parts) find(".progress").style.setProperty("--parts", String(parts.total));
      const now = performance.now();
      samples = retrying ? [] : samples.filter(({ at }) => now - at < SPEED_WINDOW);
      samples.push({ at: now, sent });
      find(".numbers").textContent = [
        `${Math.floor(percent)} %`,
        parts && `${parts.done} of ${parts.total} parts`,
        ...speedOf(samples, total),
      ]
        .filter(Boolean)
        .join(" · ");
    },
    /** @param {{ size: number, contentType: string, getUrl: string }} result */
    showDone({ size, contentType, getUrl }) {
      setState("done", `Confirmed: the store has ${inBytes(size)} of ${contentType}, as signed.`);
      find("[data-act=open]").href = getUrl;
      find("[data-act=open]").setAttribute("aria-label", `Open ${name}`);
      if (contentType.startsWith("image/")) showImage(getUrl);
    },
    /** Shows no more what an earlier attempt has sent. */
    clearRequests: () => find(".requests ol").replaceChildren(),
    /** @param {Record} record */
    showRequests({ shown }) {
      const list = find(".requests ol");
      for (const { title, about, command } of shown.slice(list.children.length)) {
        const request = copyOf("request");
        request.querySelector("h4").textContent = title;
        request.querySelector("p").textContent = about;
        request.querySelector("code").textContent = command;
        request.querySelector("button").setAttribute("aria-label", `Copy the ${title} request`);
        list.append(request);
      }
    },
  };
}

/** How fast it goes, and how long it still takes, once that can be told. */
function speedOf(samples, total) {
  const [first, last] = [samples[0], samples.at(-1)];
  const seconds = (last.at - first.at) / 1000;
  const speed = (last.sent - first.sent) / seconds;
  if (seconds < 1 || !(speed > 0)) return [];
  return [`${inUnits(Math.round(speed))}/s`, `${inTime((total - last.sent) / speed)} left`];
}

function tag(code) {
  const element = document.createElement("code");
  element.textContent = code;
  return element;
}

/** The uploads that were begun before the page was loaded, by their files. */
const unfinished = new Map();

/**
 * Shows these uploads.
 * @param {ReadonlyArray<any>} pending
 */
export function showUnfinished(pending) {
  unfinished.clear();
  for (const begun of pending) {
    const { filename, size, lastModified, discard } = begun;
    const notice = copyOf("unfinished");
    const file = { name: filename, size, lastModified };
    unfinished.set(idOf(file), { begun, notice });
    notice.querySelector("h3").textContent = `${filename}, ${inUnits(size)}`;
    const button = notice.querySelector("button");
    button.setAttribute("aria-label", `Discard ${filename}`);
    button.addEventListener("click", async () => {
      button.disabled = true;
      await discard().then(
        () => endUnfinished(file, false),
        () => (button.disabled = false),
      );
    });
  }
  const notices = [...unfinished.values()].map(({ notice }) => notice);
  document.querySelector("#pending")?.replaceChildren(...notices);
}

/** The upload of a file that goes on, and its notice; undefined if it is another. */
export const unfinishedOf = (file) => unfinished.get(idOf(file));

/** Shows again that an upload is unfinished, or forgets it. */
export function endUnfinished(file, isLeft) {
  const notice = unfinishedOf(file)?.notice;
  if (isLeft && notice) return document.querySelector("#pending")?.append(notice);
  notice?.remove();
  return unfinished.delete(idOf(file));
}

const idOf = ({ name, size, lastModified }) => `${size} ${lastModified} ${name}`;
