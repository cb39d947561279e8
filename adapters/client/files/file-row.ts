import type { StoredFile } from "../decode.ts";
import type { UploadError } from "../errors.ts";
import { sizeInWords } from "../size-in-words.ts";

/** A button of a row. */
export interface RowButton {
  /** Says what it does, with the name of the file. */
  readonly label: string;
  readonly act: () => void;
}

/** A file of the list as a row shows it. */
export interface ListedFile {
  /** Its key, which stays the same, as the `key` of a list does. */
  readonly id: string;
  readonly file: StoredFile;
  /** Its path or name; the last segment of its key if neither is stored. */
  readonly name: string;
  /** The size of the file in words. */
  readonly size: string;
  /** The day on which it was stored, in the page's language. */
  readonly date: string;
  /** The extension of its key, in place of a picture. */
  readonly extension: string;
  /** The address of its picture, for an `<img>`. */
  readonly thumbnail?: string | undefined;
  /** Asks again for the address of its picture, which expires: for `error` of the `<img>`. */
  readonly onThumbnailError: () => void;
  /** `asking`: whether it is to be removed. */
  readonly status: "shown" | "asking" | "copied" | "failed";
  /** Why something failed, or that its link was copied; empty otherwise. */
  readonly text: string;
  /** Opens the file in a new tab, or downloads what browsers do not show. */
  readonly open: RowButton;
  /** Copies a link to the file. Icons are strokes in a box of 24 by 24, for the `d` of an SVG path. */
  readonly copy: RowButton & { readonly icon: string };
  /** Asks whether the file is to be removed, or takes the question back. */
  readonly remove: RowButton & { readonly icon: string };
  /** Shown while it is `asking`; the buttons show their `text`. */
  readonly question: {
    readonly text: string;
    readonly confirm: RowButton & { readonly text: string };
    readonly keep: RowButton & { readonly text: string };
  };
}

const said = ({ code, userMessage }: UploadError, otherwise: string): string =>
  ["unauthenticated", "offline"].includes(code) ? userMessage : otherwise;

/** The words of a list; replace them to translate it. */
export const WORDS = {
  loading: "Loading",
  network: "Reconnecting",
  offline: "Waiting for a connection",
  empty: "No files yet",
  failed: (error: UploadError): string => said(error, "The files could not be loaded."),
  more: "Show more",
  retry: "Try again",
  /** For screen readers, once files are loaded. */
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

const ICONS = {
  copy: "M10 14a4 4 0 0 0 6 0l3-3a4.2 4.2 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4.2 4.2 0 0 0 6 6l1-1",
  copied: "m6 13 4 4 8-9",
  remove: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5",
};

/** Types that browsers show in a tab, as the service serves them. */
const SHOWN = /^(?:image\/(?!svg)|audio\/|video\/|text\/plain)/;
export const isShown = ({ contentType }: StoredFile): boolean => SHOWN.test(contentType ?? "");

/** Returns a file in words. */
export function rowOf(
  facts: Pick<ListedFile, "file" | "thumbnail" | "status" | "text">,
  words: FileWords,
  link: keyof FileWords["copy"],
  acts: Readonly<Record<"open" | "copy" | "ask" | "remove" | "renew", () => void>>,
): ListedFile {
  const { key, size, storedAt, path, filename } = facts.file;
  const last = key.slice(key.lastIndexOf("/") + 1);
  const name = path ?? filename ?? last;
  const button = (word: string, act: () => void) => ({ label: `${word} ${name}`, act });
  return {
    ...facts,
    id: key,
    name,
    size: sizeInWords(size),
    date: dayInWords(storedAt),
    extension: last.slice(last.lastIndexOf(".") + 1),
    onThumbnailError: acts.renew,
    open: button(isShown(facts.file) ? words.open : words.download, acts.open),
    copy: {
      ...button(words.copy[link], acts.copy),
      icon: facts.status === "copied" ? ICONS.copied : ICONS.copy,
    },
    remove: { ...button(words.remove, acts.ask), icon: ICONS.remove },
    question: {
      text: words.question,
      confirm: { ...button(words.remove, acts.remove), text: words.remove },
      keep: { ...button(words.keep, acts.ask), text: words.keep },
    },
  };
}

/** Returns a day in the page's language. */
function dayInWords(date: Date): string {
  const language = globalThis.document?.documentElement.lang || [];
  try {
    return date.toLocaleDateString(language, { dateStyle: "medium" });
  } catch {
    // Not every `lang` of a page is a language that exists.
    return date.toLocaleDateString([], { dateStyle: "medium" });
  }
}
