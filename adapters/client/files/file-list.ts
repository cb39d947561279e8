import type { StoredFile, UploadResult } from "../decode.ts";
import type { UploadError } from "../errors.ts";
import type { RetryState } from "../run.ts";
import { type FilePage, type Files, LISTED_BY, type ListOptions } from "./create-files.ts";
import {
  type FileWords,
  isShown,
  type ListedFile,
  type RowFacts,
  rowOf,
  WORDS,
} from "./file-row.ts";

/** Options of `useFiles`, which may change between renders. */
export interface FileListOptions extends Omit<ListOptions, "signal"> {
  /** Returns what the button to copy a link copies; by default the file's public or own address. */
  readonly link?: ((file: StoredFile) => string) | undefined;
  /** Words to replace, such as those of another language. */
  readonly words?: Partial<FileWords> | undefined;
}

/** The files that a component shows. */
export interface ListedFiles {
  /** Page below page; within a page the newest first. */
  readonly files: ReadonlyArray<ListedFile>;
  /** `more`: there is another page; `end`: all files are shown. */
  readonly status: "loading" | "more" | "end" | "failed";
  /** Present if it has `failed`. */
  readonly error?: UploadError | undefined;
  /** To show below the files: that they are loading, that there are none, or what failed. */
  readonly text: string;
  /**
   * Loads the next page, or tries again; absent if there is nothing to load. While a page loads it
   * stays, without `act`. `act` resolves once the page is shown.
   */
  readonly button?: { readonly label: string; readonly act?: () => Promise<void> } | undefined;
  /** What has happened, for screen readers. */
  readonly spoken: string;
  /** Puts a file that was uploaded on top: for `onDone` of uploads. It stays the same function. */
  readonly add: (result: UploadResult) => void;
}

/** The time within which a picture that failed is not asked for again, in milliseconds. */
const RENEWAL_PAUSE = 60_000;

/** What `makeFileList` returns, for a component. */
export type FileListing = ReturnType<typeof makeFileList>;

/**
 * Keeps the files that a component shows. Loads the first page for the first subscriber, calls all
 * of them after each change of `read()`, and aborts what is loaded when the last one leaves.
 * Removals go on.
 */
export function makeFileList(files: Files, options: FileListOptions = {}) {
  const listeners = new Set<() => void>();
  let leaving = new AbortController();
  let rows: ReadonlyArray<ListedFile> = [];
  let next: string | undefined;
  /** The keys of files that are removed, or about to be. */
  const removed = new Set<string>();
  /** When the picture of a key was asked for. */
  const renewed = new Map<string, number>();
  const words = (): FileWords => ({ ...WORDS, ...options.words });
  let state: ListedFiles = { files: [], status: "loading", text: words().loading, spoken: "", add };

  const present = () => rows.filter(({ id }) => !removed.has(id));
  const counted = () => words().count(present().length);

  function show(changes: Partial<ListedFiles>) {
    const shown = present();
    const { status, text } = { ...state, ...changes };
    const none = shown.length === 0 ? words().empty : "";
    state = { ...state, ...changes, files: shown, text: status === "end" ? none : text };
    listeners.forEach((listener) => listener());
  }

  function begin() {
    leaving.abort();
    leaving = new AbortController();
    rows = [];
    next = undefined;
    state = { ...state, button: undefined };
    void load();
  }

  async function load() {
    const { signal } = leaving;
    const { loading, more, retry, failed, ...waits } = words();
    const again = async () => void (state.status === "loading" || (await load()));
    const button = state.button && { label: state.button.label };
    show({ status: "loading", text: loading, error: undefined, button });
    const onRetry = ({ reason }: RetryState) =>
      (reason === "network" || reason === "offline") && show({ text: waits[reason] });
    try {
      let page: FilePage;
      do {
        const { details = true } = options;
        page = await files.page({ ...options, details, after: next, signal, onRetry });
        if (signal.aborted) return;
        next = page.next;
      } while (page.files.length === 0 && next !== undefined);
      const known = new Set(rows.map(({ id }) => id));
      const fresh = page.files.filter(({ key }) => !known.has(key));
      rows = [...rows, ...fresh.map(toRow).sort((a, b) => +b.file.storedAt - +a.file.storedAt)];
      const spoken = counted();
      if (next === undefined) show({ status: "end", spoken, button: undefined });
      else show({ status: "more", text: "", spoken, button: { label: more, act: again } });
    } catch (cause) {
      if (signal.aborted) return;
      const error = cause as UploadError;
      const text = failed(error);
      show({ status: "failed", error, text, spoken: text, button: { label: retry, act: again } });
    }
  }

  function toRow(file: StoredFile): ListedFile {
    return inWords({ file, status: "shown", text: "", thumbnail: file.imageUrl });
  }

  function inWords(facts: RowFacts): ListedFile {
    const { key, publicUrl } = facts.file;
    const link = options.link ? "link" : publicUrl ? "public" : "members";
    const row: ListedFile = rowOf(facts, words(), link, {
      open: () => void open(row),
      copy: () => void copy(row),
      ask: () => change(key, { status: facts.status === "asking" ? "shown" : "asking" }),
      remove: () => void remove(row),
      renew: () => void renew(key),
    });
    return row;
  }

  /** Changes the row of a file. Only one asks, or says that its link was copied. */
  function change(key: string, facts: Partial<RowFacts>, spoken = "") {
    rows = rows.map((row) =>
      row.id === key
        ? inWords({ ...row, text: "", ...facts })
        : /asking|copied/.test(row.status)
          ? inWords({ ...row, status: "shown", text: "" })
          : row,
    );
    show({ spoken });
  }
  const tell = (row: ListedFile, status: "copied" | "failed", text: string) =>
    change(row.id, { status, text }, `${row.name}: ${text}`);

  async function open(row: ListedFile) {
    const download = !isShown(row.file);
    // Opened by the click itself, or browsers would block it.
    const tab = download ? window : window.open("", "_blank");
    if (!tab) return tell(row, "failed", words().blocked);
    // `noopener` would leave nothing to lead to the file.
    if (tab !== window) tab.opener = null;
    try {
      tab.location.replace(await files.openUrl(row.id, { download }));
    } catch (error) {
      if (tab !== window) tab.close();
      tell(row, "failed", words().notOpened(error as UploadError));
    }
  }

  async function copy(row: ListedFile) {
    const { publicUrl, fileUrl } = row.file;
    try {
      // Pages without HTTPS have no clipboard.
      await navigator.clipboard.writeText(options.link?.(row.file) ?? publicUrl ?? fileUrl);
      tell(row, "copied", words().copied);
    } catch {
      tell(row, "failed", words().notCopied);
    }
  }

  async function remove(row: ListedFile) {
    removed.add(row.id);
    change(row.id, { status: "shown" }, `${row.name}: ${words().removed}`);
    try {
      await files.remove(row.file.fileUrl);
    } catch (error) {
      removed.delete(row.id);
      tell(row, "failed", words().notRemoved(error as UploadError));
    }
  }

  /** Asks for the address of a picture, unless that was done just before. */
  async function renew(key: string) {
    const { width } = options;
    const { signal } = leaving;
    const keep = (thumbnail?: string) => {
      rows = rows.map((row) => (row.id === key ? inWords({ ...row, thumbnail }) : row));
      show({});
    };
    // Without an address the `<img>` goes, so that it loads the same one again.
    keep();
    const now = Date.now();
    if (width === undefined || now - (renewed.get(key) ?? 0) < RENEWAL_PAUSE) return;
    renewed.set(key, now);
    const thumbnail = await files.imageUrl(key, { width, signal }).catch(() => undefined);
    if (!signal.aborted) keep(thumbnail);
  }

  function add(result: UploadResult) {
    const row = toRow({ ...result, storedAt: new Date() });
    rows = [row, ...rows.filter(({ id }) => id !== row.id)];
    show({ spoken: counted() });
    if (result.contentType.startsWith("image/")) void renew(row.id);
  }

  return {
    read: () => state,
    subscribe: (listener: () => void) => {
      listeners.add(listener);
      if (listeners.size === 1) begin();
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) leaving.abort();
      };
    },
    /** Takes the files and options of the last render, which may list other files. */
    use: (nextFiles: Files, nextOptions: FileListOptions) => {
      const isOther =
        files !== nextFiles || LISTED_BY.some((name) => options[name] !== nextOptions[name]);
      files = nextFiles;
      options = nextOptions;
      if (isOther && listeners.size > 0) begin();
    },
  };
}
