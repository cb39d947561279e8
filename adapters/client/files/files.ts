import { check, decodeFiles, decodeState, type FileState, type StoredFile } from "../decode.ts";
import { UploadError } from "../errors.ts";
import { persist, transient } from "../retry.ts";
import { awake, makeRun, type RetryOptions } from "../run.ts";
import { makeService, type ServiceOptions } from "../service.ts";

export { UploadError } from "../errors.ts";
export type { FileState, Problem, StoredFile } from "../decode.ts";
export type { UploadErrorCode, UploadErrorFacts } from "../errors.ts";
export type { RetryState, RetryOptions } from "../run.ts";
export type { ValueOrProvider, ServiceOptions } from "../service.ts";

/** Options of `createFiles`. */
export interface FilesOptions extends ServiceOptions {
  /** For how long failures are tried again. */
  readonly retry?: RetryOptions | undefined;
}

/** Which files to list. */
export interface ListOptions {
  /** A year or a month, such as `2026/11`, or folders of a policy; all files if left out. */
  readonly prefix?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The files of one organization. All calls fail with an `UploadError`. */
export interface Files {
  /** Lists files by their keys, fetching pages as needed. Needs the scope `list`. */
  readonly list: (options?: ListOptions) => AsyncIterable<StoredFile>;
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
  return {
    list: async function* ({ prefix, signal } = {}) {
      const query = new URLSearchParams(prefix === undefined ? {} : { prefix });
      for (;;) {
        const run = makeRun(signal, retry);
        // The list is at the address of the files itself, without a slash.
        const page = service.ask(run, `../files?${query}`, decodeFiles);
        const { files, next } = await page.finally(run.close);
        yield* files;
        if (next === undefined || next === query.get("after")) return;
        query.set("after", next);
      }
    },
    remove: async (fileUrl, signal) => {
      const [, path = ""] = ADDRESS.exec(fileUrl) ?? [];
      check(FILE_PATH.test(path), `fileUrl must be that of a file, not "${fileUrl}".`);
      const run = makeRun(signal, retry);
      await service.ask(run, path, () => undefined, undefined, "DELETE").finally(run.close);
    },
    whenReady: async (key, { signal, onState } = {}) => {
      const path = key.replace(/^orgs\/[^/]+\/(?:files\/)?/, "");
      check(path !== key && FILE_PATH.test(path), `key must be that of a file, not "${key}".`);
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
}

const ADDRESS = /\/api\/v1\/orgs\/[^/]+\/files\/([^?]*)/;
/** A path without `.` or `..` segments. */
const FILE_PATH = /^(?:[\w-]+\/)+[\w-]+\.[\w-]+$/;
