import {
  check,
  type Decode,
  decodeFiles,
  decodeOpened,
  decodeState,
  decodeUsage,
  type FileState,
  type StoredFile,
  type Usage,
} from "../decode.ts";
import { UploadError } from "../errors.ts";
import { persist, transient } from "../retry.ts";
import { awake, makeRun, type RetryOptions, type RetryState } from "../run.ts";
import { makeService, type ServiceOptions } from "../service.ts";

/** Options of `createFiles`. */
export interface FilesOptions extends ServiceOptions {
  /** For how long failures are tried again. */
  readonly retry?: RetryOptions | undefined;
}

/** Which files to list. */
export interface ListOptions {
  /** A year or a month, such as `2026/11`, or folders of a policy; all files if left out. */
  readonly prefix?: string | undefined;
  /** Lists only the caller's own files: those of policies whose `key` has `{subject}`. */
  readonly mine?: boolean | undefined;
  /** Adds `filename` and `path`, where they are stored. */
  readonly details?: boolean | undefined;
  /** Adds `imageUrl` to pictures whose policy names this width, in pixels. */
  readonly width?: number | undefined;
  /** The most files of a page: 1 to 1000. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Which page of the files to get. */
export interface PageOptions extends ListOptions {
  /** The `next` of the page before. */
  readonly after?: string | undefined;
  /** Called before a request is tried again. */
  readonly onRetry?: ((retrying: RetryState) => void) | undefined;
}

/** A page of files by their keys, which may be empty; `next` is there if more may follow. */
export type FilePage = ReturnType<typeof decodeFiles>;

/** The files of one organization. All calls fail with an `UploadError`. */
export interface Files {
  /** Lists files by their keys, fetching pages as needed. Needs the scope `list`. */
  readonly list: (options?: ListOptions) => AsyncIterable<StoredFile>;
  /** Gets one page of the list. */
  readonly page: (options?: PageOptions) => Promise<FilePage>;
  /** Tells how much is stored, of all or with `mine` in the caller's own folder. Needs `read`. */
  readonly usage: (options?: Pick<PageOptions, "mine" | "signal" | "onRetry">) => Promise<Usage>;
  /**
   * Resolves to a signed URL of a picture in a width, in pixels, that its policy names, for an
   * `<img>`. Needs the scope `read`, as `openUrl` does.
   */
  readonly imageUrl: (
    key: string,
    options: { readonly width: number; readonly signal?: AbortSignal | undefined },
  ) => Promise<string>;
  /** Resolves to a signed URL that shows the file, or saves it with `download`. */
  readonly openUrl: (
    key: string,
    options?: {
      readonly download?: boolean | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ) => Promise<string>;
  /** Removes the file of a `fileUrl`; removing it twice is no error. Needs the scope `remove`. */
  readonly remove: (fileUrl: string, signal?: AbortSignal) => Promise<void>;
  /**
   * Resolves once the file with this key is ready. Polls while the page is shown, and fails once
   * the state has not changed for `retry.for`. Needs the scope `read`.
   */
  readonly whenReady: (
    key: string,
    options?: {
      readonly signal?: AbortSignal | undefined;
      /** Called with each new state. */
      readonly onState?: ((state: FileState) => void) | undefined;
    },
  ) => Promise<void>;
}

/** Works with files of an organization. Throws a `TypeError` if an option cannot be used. */
export function createFiles({ retry, ...options }: FilesOptions): Files {
  const service = makeService(options);
  makeRun(undefined, retry).close();
  const ask = <A>(
    path: string,
    decode: Decode<A>,
    { signal, onRetry }: Pick<PageOptions, "signal" | "onRetry">,
    method?: "DELETE",
  ): Promise<A> => {
    const run = makeRun(signal, retry);
    run.onRetry = onRetry;
    return service.ask(run, path, decode, undefined, method).finally(run.close);
  };
  /** Resolves to the signed URL that the address of a file leads to. */
  const open = async (key: string, query: string, signal?: AbortSignal) =>
    (await ask(`${pathOf(key)}?${query}`, decodeOpened, { signal })).url;
  const files: Files = {
    page: async (options = {}) => {
      const asked = [...LISTED_BY, "after"] as const;
      const pairs = asked.flatMap((name) =>
        options[name] === undefined ? [] : [[name, `${options[name]}`]],
      );
      // The list is at the address of the files itself, without a slash.
      const path = `../files?${new URLSearchParams(pairs)}`;
      const { files, next } = await ask(path, decodeFiles, options);
      return next === options.after ? { files } : { files, next };
    },
    list: async function* (options) {
      let after: string | undefined;
      do {
        const page: FilePage = await files.page({ ...options, after });
        yield* page.files;
        after = page.next;
      } while (after !== undefined);
    },
    usage: ({ mine, ...options } = {}) =>
      ask(`../usage${mine ? "?mine=true" : ""}`, decodeUsage, options),
    imageUrl: async (key, { width, signal }) => open(key, `width=${width}`, signal),
    openUrl: async (key, { download, signal } = {}) =>
      open(key, download ? "download" : "", signal),
    remove: async (fileUrl, signal) => {
      const [, path = ""] = ADDRESS.exec(fileUrl) ?? [];
      check(FILE_PATH.test(path), `fileUrl must be that of a file, not "${fileUrl}".`);
      await ask(path, () => undefined, { signal }, "DELETE");
    },
    whenReady: async (key, { signal, onState } = {}) => {
      const path = pathOf(key);
      const run = makeRun(signal, retry);
      const page = globalThis.document;
      const follow = () => (page?.hidden ? run.pause() : run.resume());
      follow();
      page?.addEventListener("visibilitychange", follow, { signal: run.signal });
      let last: FileState | undefined;
      const ask = async (_: AbortSignal, progressed: () => void) => {
        const answer = await service.ask(run, `${path}/state`, decodeState);
        const { state, retryAfter = Infinity } = answer;
        if (state !== last) {
          progressed();
          last = state;
          onState?.(state);
        }
        if (state === "ready") return;
        const message = `The file is ${state}. It has to be uploaded, and then confirmed.`;
        const error = new UploadError(state === "waiting" ? "pending" : "missing", message);
        // Polls less often the longer the state stays the same.
        const pause = Math.max(retryAfter * 1000, (awake() - run.progressAt) / 4);
        throw transient("waiting", error, pause);
      };
      await persist(run, ask).finally(run.close).finally(run.abort);
    },
  };
  return files;
}

/** The options by which other files are listed. */
export const LISTED_BY = ["prefix", "mine", "details", "width", "limit"] as const;

/** Returns the path of a file's address below that of all files. */
function pathOf(key: string): string {
  const path = key.replace(/^orgs\/[^/]+\/(?:files\/)?/, "");
  check(path !== key && FILE_PATH.test(path), `key must be that of a file, not "${key}".`);
  return path;
}

const ADDRESS = /\/api\/v1\/orgs\/[^/]+\/files\/([^?]*)/;
/** A path without `.` or `..` segments. */
const FILE_PATH = /^(?:[\w-]+\/)+[\w-]+\.[\w-]+$/;
