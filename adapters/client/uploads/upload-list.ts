import {
  type Client,
  isSystemFile,
  pathOf,
  type UploadAllOptions,
  UploadError,
  type UploadPolicy,
  type UploadProgress,
  type UploadResult,
  type UploadTask,
} from "../client.ts";
import { largestFor, refusalOf } from "./refusal.ts";
import { rowOf, type Upload, type UploadRow, type UploadWords } from "./row.ts";

export type { Upload, UploadRow, UploadWords } from "./row.ts";

/** Options of `useUploads`, which may change between renders. */
export interface UploadsOptions<Data = unknown> extends UploadAllOptions {
  /** `false` leaves files `queued` until `start()`, such as when their form is sent. */
  readonly autoStart?: boolean | undefined;
  /** Called with each file that has been uploaded and confirmed. */
  readonly onDone?: ((result: UploadResult<Data>, file: Blob) => void) | undefined;
  /** Words to replace, such as those of another language. */
  readonly words?: Partial<UploadWords> | undefined;
}

/** The uploads of a component. Its functions stay the same at each render. */
export interface Uploads<Data = unknown> {
  /** In the order in which they were added. */
  readonly uploads: ReadonlyArray<Upload<Data>>;
  /** Of all files in the list but those that have failed. */
  readonly progress: UploadProgress;
  /**
   * For an `<input type="file">`, once the policy is known; undefined with `prepare`, after which
   * the policy holds.
   */
  readonly accept: string | undefined;
  /** The largest file that the policy accepts, in bytes, where `accept` is known. */
  readonly maxSize: number | undefined;
  /**
   * Adds files, such as those of an `<input type="file">`; the policy may refuse some at once. A file
   * that is in the list is not added again, unless it has failed, and what Windows and macOS keep in
   * folders, such as `.DS_Store`, is left out.
   */
  readonly add: (files: Iterable<Blob>) => void;
  /** Uploads what is `queued`. */
  readonly start: () => void;
  /** Takes all files off the list that are not done; uploads under way are aborted. */
  readonly cancel: () => void;
}

/** The most files with previews, since a browser keeps each picture in memory as it is. */
const FEW = 100;

/** The least time between two reports of a longer list, in milliseconds for each of its files. */
const PAUSE = 0.5;

let lastId = 0;

/**
 * Keeps the uploads of a component. Calls the subscriber after changes of `read()`, and aborts the
 * uploads when it leaves.
 */
export function makeUploadList<Data>(client: Client<Data>, options: UploadsOptions<Data> = {}) {
  type One = Upload<Data>;
  type Added = Pick<One, "id" | "file">;
  let notify: (() => void) | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tasks = new Map<number, UploadTask<Data>>();
  let leaving = new AbortController();
  let policy: UploadPolicy | undefined;
  let state: Uploads<Data> = {
    uploads: [],
    progress: progressOf([]),
    accept: undefined,
    maxSize: undefined,
    add,
    start: () => upload(state.uploads.filter(({ status }) => status === "queued")),
    cancel: () => state.uploads.forEach(({ status, remove }) => status === "done" || remove()),
  };

  const inWords = (one: Omit<One, keyof UploadRow>): One => ({
    ...one,
    ...rowOf(one, options.words),
  });
  function show(uploads: ReadonlyArray<One>, limits?: Pick<Uploads, "accept" | "maxSize">) {
    state = { ...state, ...limits, uploads, progress: progressOf(uploads) };
    if (timer === undefined) report();
  }
  /** Drawing thousands of rows for each event would stop the page. */
  function report() {
    const shown = state;
    notify?.();
    const { length } = shown.uploads;
    if (length <= FEW) return;
    timer = setTimeout(() => {
      timer = undefined;
      if (state !== shown) report();
    }, length * PAUSE);
  }
  /** Changes an upload, if its status is `from`. */
  function change(id: number, next: Partial<One>, from?: One["status"]) {
    const isMeant = (one: One) => one.id === id && one.status === (from ?? one.status);
    show(state.uploads.map((one) => (isMeant(one) ? inWords({ ...one, ...next }) : one)));
  }

  const isInParts = () => options.multipart !== false;

  async function askPolicy() {
    const { signal } = leaving;
    // Without the policies the service decides.
    const policies = await client.policies(signal).catch(() => []);
    if (signal.aborted) return;
    const found = policies.find(({ name }) => name === (options.policy ?? "files"));
    policy = options.prepare ? undefined : found;
    const accept = policy && [...policy.allowedTypes, ...Object.keys(policy.extensions)].join();
    show(state.uploads, { accept, maxSize: policy && largestFor(policy, isInParts()) });
  }

  function follow(ones: ReadonlyArray<Added>, begun: ReadonlyArray<UploadTask<Data>>) {
    ones.forEach(({ id }, index) => tasks.set(id, begun[index] as UploadTask<Data>));
    const ids = new Set(ones.map(({ id }) => id));
    const next = { status: "uploading", error: undefined } as const;
    show(state.uploads.map((one) => (ids.has(one.id) ? inWords({ ...one, ...next }) : one)));
    ones.forEach(({ id, file }, index) =>
      begun[index]?.then(
        (result) => {
          change(id, { status: "done", result });
          return options.onDone?.(result, file);
        },
        (error: UploadError) => change(id, { status: "failed", error }),
      ),
    );
  }

  function toUpload(file: Blob, index: number): One {
    const id = (lastId += 1);
    const error = policy && refusalOf(file, policy, isInParts());
    const isPicture = "document" in globalThis && file.type.startsWith("image/");
    const isShown = isPicture && state.uploads.length + index < FEW;
    return inWords({
      id,
      file,
      name: pathOf(file) ?? (file as Partial<File>).name ?? "",
      preview: isShown ? URL.createObjectURL(file) : undefined,
      status: error ? "failed" : "queued",
      error,
      pause: () => {
        tasks.get(id)?.pause();
        change(id, { status: "paused" }, "uploading");
      },
      resume: () => {
        tasks.get(id)?.resume();
        change(id, { status: "uploading" }, "paused");
      },
      retry: () => {
        if (state.uploads.find((one) => one.id === id)?.status !== "failed") return;
        const failed = tasks.get(id);
        // Without a task the list refused the file: now the service decides.
        if (failed) follow([{ id, file }], [failed.retry()]);
        else upload([{ id, file }]);
      },
      remove: () => {
        tasks.get(id)?.abort();
        tasks.delete(id);
        forget(state.uploads.filter((one) => one.id === id));
        show(state.uploads.filter((one) => one.id !== id));
      },
    });
  }

  function add(files: Iterable<Blob>) {
    const known = new Map<unknown, One | undefined>(
      state.uploads.map((one) => [keyOf(one.file), one]),
    );
    const isNew = (file: Blob) => {
      if (isSystemFile(file)) return false;
      const key = keyOf(file);
      const before = known.get(key);
      if (known.has(key) && before?.status !== "failed") return false;
      before?.remove();
      return known.set(key, undefined);
    };
    const added = [...files].filter(isNew).map(toUpload);
    show([...state.uploads, ...added]);
    if (options.autoStart !== false) state.start();
    void askPolicy();
  }

  function upload(ones: ReadonlyArray<Added>) {
    const files = ones.map(({ file }) => file);
    const { uploads } = client.uploadAll(files, {
      ...options,
      onProgress: undefined,
      onFileProgress: (file, progress) => {
        change(ones[files.indexOf(file)]?.id ?? 0, { progress });
        options.onFileProgress?.(file, progress);
        options.onProgress?.(state.progress);
      },
    });
    follow(ones, uploads);
  }

  return {
    read: () => state,
    subscribe: (listener: () => void) => {
      notify = listener;
      leaving = new AbortController();
      void askPolicy();
      return () => {
        notify = undefined;
        leaving.abort();
        tasks.forEach((task) => task.abort());
        forget(state.uploads);
      };
    },
    /** Takes the client and options of the last render, for later calls. */
    use: (nextClient: Client<Data>, next: UploadsOptions<Data>) => {
      const isOther = client !== nextClient || options.policy !== next.policy;
      client = nextClient;
      options = next;
      if (isOther) void askPolicy();
    },
  };
}

/** Identifies a file of a person; without the time of its change, a `Blob` is only itself. */
const keyOf = (file: Blob & Partial<File>): unknown => {
  const { name, size, lastModified } = file;
  return lastModified ? JSON.stringify([pathOf(file) ?? name, size, lastModified]) : file;
};

/** Frees the previews, which would stay in memory. */
function forget(uploads: ReadonlyArray<Upload>): void {
  for (const { preview } of uploads) if (preview) URL.revokeObjectURL(preview);
}

function progressOf(uploads: ReadonlyArray<Upload>): UploadProgress {
  const counted = uploads.filter(({ status }) => status !== "failed");
  const sent = counted.reduce((sum, { progress }) => sum + (progress?.sent ?? 0), 0);
  const total = counted.reduce(
    (sum, { file, progress }) => sum + (progress?.total ?? file.size),
    0,
  );
  return { sent, total, percent: total && Math.floor((sent / total) * 100) };
}
