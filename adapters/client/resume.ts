import {
  attempt,
  etag,
  list,
  MOST_ITEMS,
  number,
  object,
  optional,
  text,
  valid,
} from "./decode.ts";
import { problemOf, UploadError } from "./errors.ts";
import { makeRun, type Run, throwIfAborted } from "./run.ts";
import type { Service } from "./service.ts";

/** How long an aborted upload waits for its parts to be removed, in milliseconds. */
const CLEAN_UP = 10_000;

/**
 * Where uploads in parts are remembered, as text by key. A `Map` will do; methods may return
 * promises.
 */
export interface UploadStorage {
  readonly get: (key: string) => Awaitable<string | null | undefined>;
  readonly set: (key: string, value: string) => unknown;
  readonly delete: (key: string) => unknown;
  readonly keys: () => Awaitable<Iterable<string>>;
}

type Awaitable<A> = A | Promise<A>;

/** An upload in parts that was begun and not ended; it goes on when its file is uploaded again. */
export interface PendingUpload extends FileFacts {
  readonly key: string;
  /** Until when it can go on: ISO 8601. */
  readonly expiresAt: string;
  /** Removes what was sent. */
  readonly discard: () => Promise<void>;
}

/** What tells a file, and the policy that it is uploaded under. */
interface FileFacts {
  readonly filename: string;
  readonly size: number;
  /** As `File.lastModified`. */
  readonly lastModified: number;
  readonly policy: string | undefined;
}

/** What the service answers to the start of a file in parts, whose number follows from its size. */
export const startDecoder = (size: number) => {
  const isSize = (value: number) => Number.isInteger(number(value)) && value * MOST_ITEMS >= size;
  // The token works for its caller alone.
  return object({ upload: text, key: text, partSize: valid(isSize), expiresAt: text });
};
export type Started = ReturnType<ReturnType<typeof startDecoder>>;

const FILE = object({ filename: text, size: number, lastModified: number, policy: optional(text) });

/** A part that arrived: its ETag, unless CORS hides it, and the checksum of what was sent. */
const decodePart = object({ partNumber: number, etag: optional(etag), checksum: text });
export type SentPart = ReturnType<typeof decodePart>;

/** What is remembered; a memory without checksums is one of an earlier version. */
const memoryDecoder = (size: number) =>
  object({ file: FILE, begun: startDecoder(size), parts: list(decodePart) });
export type Remembered = ReturnType<ReturnType<typeof memoryDecoder>>;

/** The memory of one upload. It works without a storage too, or with one that fails. */
export type Memory = ReturnType<typeof memoryOf>;

/** What is known of an upload before it is begun. */
export interface Resumable {
  readonly file: Blob;
  readonly asked: Omit<FileFacts, "lastModified">;
  readonly service: { readonly files: string };
  readonly resume: boolean | PendingUpload | undefined;
  readonly storage: UploadStorage | undefined;
  /** Remembers for as long as the page is open. */
  readonly kept: { readonly parts: UploadStorage };
}

/** The memory of an upload. Fails if it is to go on with that of another file. */
export function memoryOf({ file, asked, resume, service, storage, kept }: Resumable) {
  const { filename, size, policy } = asked;
  const { lastModified = 0 } = file as File;
  if (
    resume instanceof Object &&
    !(filename === resume.filename && size === resume.size && lastModified === resume.lastModified)
  ) {
    throw new UploadError(
      "file-changed",
      `This is not the file that was begun, or it has changed: ${resume.filename} with ${resume.size} bytes. Choose that one, or discard the upload.`,
    );
  }
  // Without the time of its last change, another file of the same name could be taken for it.
  const lasting = lastModified && resume !== false ? (storage ?? indexedDbStorage()) : null;
  const call = storing(lasting ?? kept.parts);
  const facts = { filename, size, lastModified, policy };
  const key = prefixOf(service.files) + JSON.stringify(facts);
  const locks = lasting ? globalThis.navigator?.locks : undefined;
  const isIn = (locks: ReadonlyArray<LockInfo> = []) => locks.some(({ name }) => name === key);
  return {
    recall: () => recall(call, key),
    keep: (begun: Started, parts: ReadonlyArray<SentPart>) =>
      call((storage) => storage.set(key, JSON.stringify({ file: facts, begun, parts }))),
    forget: () => call((storage) => storage.delete(key)),
    /**
     * Calls `work` while no other tab does for the same file, where the page has locks: in a secure
     * context. Calls `onWait` if there is one that does.
     */
    alone: async <A>(run: Run, onWait: () => void, work: () => Promise<A>): Promise<A> => {
      let result: Promise<A> | undefined;
      await locks
        ?.query()
        .then(({ held }) => isIn(held) && onWait())
        .then(() => locks.request(key, { signal: run.signal }, () => (result = work())))
        // They are denied where a page can remember nothing, as in a sandbox.
        .catch(() => throwIfAborted(run));
      return result ?? work();
    },
    /** Whether another tab waits for this one. */
    isAwaited: async () => isIn((await locks?.query())?.pending),
  };
}

/** Uploads that were begun here, and not ended. */
export async function pendingUploads(
  service: Service,
  storage: UploadStorage | undefined,
): Promise<ReadonlyArray<PendingUpload>> {
  const call = storing(storage ?? indexedDbStorage());
  const keys = [...((await call((storage) => storage.keys())) ?? [])];
  const found = keys
    .filter((key) => key.startsWith(prefixOf(service.files)))
    .map(async (key): Promise<PendingUpload | undefined> => {
      const remembered = await recall(call, key);
      if (remembered === undefined) return undefined;
      const { file, begun } = remembered;
      const discard = async () => {
        await discardParts(service, begun);
        await call((storage) => storage.delete(key));
      };
      return { ...file, key: begun.key, expiresAt: begun.expiresAt, discard };
    });
  return (await Promise.all(found)).filter((one) => one !== undefined);
}

/** Removes the parts of an upload. */
export async function discardParts(service: Service, { upload }: Started): Promise<void> {
  const run = makeRun(AbortSignal.timeout(CLEAN_UP));
  await service
    .ask(run, "multipart", () => undefined, { upload }, "DELETE")
    .catch((cause: unknown) => {
      if (!isOver(cause)) throw cause;
    });
}

/** Whether an upload cannot go on: by the service's word, or the store's. */
export const isOver = (cause: unknown): boolean =>
  problemOf(cause).code === "INVALID_UPLOAD" ||
  (cause as Partial<UploadError>).storeCode === "NoSuchUpload";

const prefixOf = (files: string) => `valetkey ${files} `;

/** What calls a storage, and gives undefined if that fails: an upload does without a memory. */
const storing =
  (storage: UploadStorage | null) =>
  async <A>(act: (storage: UploadStorage) => Awaitable<A>): Promise<A | undefined> => {
    try {
      return storage ? await act(storage) : undefined;
    } catch {
      return undefined;
    }
  };

/** Reads what is remembered; what cannot be used, such as that of another version, is forgotten. */
async function recall(call: ReturnType<typeof storing>, key: string) {
  const kept = await call((storage) => storage.get(key));
  if (!kept) return undefined;
  const remembered = attempt(() => {
    const value = JSON.parse(kept);
    return memoryDecoder(value.file.size)(value);
  });
  if (remembered && key.endsWith(JSON.stringify(remembered.file))) return remembered;
  await call((storage) => storage.delete(key));
  return undefined;
}

const NAME = "valetkey";

function indexedDbStorage(): UploadStorage | null {
  if (typeof indexedDB === "undefined") return null;
  return {
    get: (key) => inDatabase((store) => store.get(key)),
    set: (key, value) => inDatabase((store) => store.put(value, key)),
    delete: (key) => inDatabase((store) => store.delete(key)),
    keys: () => inDatabase((store) => store.getAllKeys()) as Promise<Array<string>>,
  };
}

async function inDatabase<A>(act: (store: IDBObjectStore) => IDBRequest<A>): Promise<A> {
  const opening = indexedDB.open(NAME);
  opening.addEventListener("upgradeneeded", () => opening.result.createObjectStore(NAME));
  const database = await settled(opening);
  try {
    return await settled(act(database.transaction(NAME, "readwrite").objectStore(NAME)));
  } finally {
    database.close();
  }
}

const settled = <A>(request: IDBRequest<A>) =>
  new Promise<A>((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
