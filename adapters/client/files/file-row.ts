import { attempt, type StoredFile } from "../decode.ts";
import type { UploadError } from "../errors.ts";
import { sizeInWords } from "../size-in-words.ts";

/** The state that a row is made from. */
export interface RowFacts {
  readonly file: StoredFile;
  /** The address of its picture, for an `<img>`. */
  readonly thumbnail?: string | undefined;
  /** `asking`: whether it is to be removed. */
  readonly status: "shown" | "asking" | "copied" | "failed";
  /** Why something failed, or that its link was copied; empty otherwise. */
  readonly text: string;
}

/** A file as a row shows it. */
export type ListedFile = ReturnType<typeof rowOf>;

/** Returns a file in words; `link` is the kind of its link. */
export function rowOf(
  facts: RowFacts,
  words: FileWords,
  link: keyof FileWords["copy"],
  acts: Readonly<Record<"open" | "copy" | "ask" | "remove" | "renew", () => void>>,
) {
  const { key, size, storedAt, path, filename } = facts.file;
  const last = key.slice(key.lastIndexOf("/") + 1);
  const name = path ?? filename ?? last;
  const button = (word: string, act: () => void, icon = "") => {
    const label = `${word} ${name}`;
    return { label, act, text: word, icon };
  };
  return {
    ...facts,
    /** Its key, which stays the same, as the `key` of a list does. */
    id: key,
    /** Its path or name; the end of its key if neither is stored. */
    name,
    /** In words. */
    size: sizeInWords(size),
    /** The day on which it was stored, in the page's language. */
    date: dayInWords(storedAt),
    /** Shown if there is no thumbnail. */
    extension: last.slice(last.lastIndexOf(".") + 1),
    /** Asks again for the address of the picture, which expires: for `error` of the `<img>`. */
    onThumbnailError: acts.renew,
    /** Opens the file in a new tab, or downloads what browsers do not show. */
    open: button(isShown(facts.file) ? words.open : words.download, acts.open),
    /** Icons are strokes in a box of 24 by 24, for the `d` of an SVG path. */
    copy: button(words.copy[link], acts.copy, facts.status === "copied" ? DONE : LINK),
    /** Asks the question, or takes it back. */
    remove: button(words.remove, acts.ask, BIN),
    /** Shown while it is `asking`. */
    question: {
      text: words.question,
      confirm: button(words.remove, acts.remove),
      keep: button(words.keep, acts.ask),
    },
  };
}

const LINK =
  "M10 14a4 4 0 0 0 6 0l3-3a4.2 4.2 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4.2 4.2 0 0 0 6 6l1-1";
const DONE = "m6 13 4 4 8-9";
const BIN = "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5";

/** Returns true for types that browsers show in a tab, as the service serves them. */
export const isShown = ({ contentType }: StoredFile): boolean =>
  /^(?:image\/(?!svg)|audio\/|video\/|text\/plain)/.test(contentType);

const said = ({ code, userMessage }: UploadError, otherwise: string): string =>
  code === "unauthenticated" || code === "offline" ? userMessage : otherwise;

/** The words of a list; replace them to translate it. */
export const WORDS = {
  loading: "Loading",
  network: "Reconnecting",
  offline: "Waiting for a connection",
  empty: "No files yet",
  failed: (error: UploadError): string => said(error, "The files could not be loaded."),
  more: "Show more",
  retry: "Try again",
  /** For screen readers, once files are loaded or uploaded. */
  count: (files: number): string => `Files: ${files}`,
  /** Names of buttons; the name of the file follows. */
  open: "Open in a new tab:",
  download: "Download",
  copy: {
    public: "Copy the public link:",
    members: "Copy the link for members:",
    /** Of the option `link`. */
    link: "Copy the link:",
  },
  remove: "Remove",
  keep: "Keep",
  question: "Remove this file for good?",
  /** What happened to a file. */
  copied: "Link copied",
  removed: "Removed",
  notCopied: "The link could not be copied.",
  notOpened: (error: UploadError): string => said(error, "The file could not be opened."),
  notRemoved: (error: UploadError): string => said(error, "The file could not be removed."),
  blocked: "Your browser blocked the new tab. Allow this page to open it.",
};
export type FileWords = typeof WORDS;

/** Returns a day in the page's language. */
function dayInWords(date: Date): string {
  const style = { dateStyle: "medium" } as const;
  const language = globalThis.document?.documentElement.lang || [];
  // Not every `lang` of a page is that of a language.
  return (
    attempt(() => date.toLocaleDateString(language, style)) ?? date.toLocaleDateString([], style)
  );
}
