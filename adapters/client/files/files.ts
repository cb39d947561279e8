import { check, decodeFiles, type StoredFile } from "../decode.ts";
import { makeRun, type RetryOptions } from "../run.ts";
import { makeService, type ServiceOptions } from "../service.ts";

export { UploadError } from "../errors.ts";
export type { Problem, StoredFile } from "../decode.ts";
export type { UploadErrorCode, UploadErrorFacts } from "../errors.ts";
export type { Retrying, RetryOptions } from "../run.ts";
export type { Provided, ServiceOptions } from "../service.ts";

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

/** The files of one organization. Both calls fail with an `UploadError`. */
export interface Files {
  /** Lists files by their keys, page after page as they are asked for. Needs the scope `list`. */
  readonly list: (options?: ListOptions) => AsyncIterable<StoredFile>;
  /** Removes the file of a `fileUrl`; to remove it again is no error. Needs the scope `remove`. */
  readonly remove: (fileUrl: string, signal?: AbortSignal) => Promise<void>;
}

/** Lists and removes files of an organization. Throws a `TypeError` if an option cannot be used. */
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
      const [address = ""] = fileUrl.split("?");
      const [, files, ...folders] = address.split("/api/v1/orgs/")[1]?.split("/") ?? [];
      const path = folders.join("/");
      const isFile = files === "files" && FILE_PATH.test(path);
      check(isFile, `fileUrl must be that of a file, not "${fileUrl}".`);
      const run = makeRun(signal, retry);
      await service.ask(run, path, () => undefined, undefined, "DELETE").finally(run.close);
    },
  };
}

/** A path in which no segment leads elsewhere. */
const FILE_PATH = /^(?:[\w-]+\/)+[\w-]+\.[\w-]+$/;
