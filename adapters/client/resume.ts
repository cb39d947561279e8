import {
  attempt,
  check,
  type FileFacts,
  memoryDecoder,
  type UploadMemory,
  type SentPart,
  type StartedUpload,
} from "./decode.ts";
import { problemIn, UploadError } from "./errors.ts";
import { makeRun, type Run } from "./run.ts";
import type { Service } from "./service.ts";

/** The longest time to remove the parts of an aborted upload, in milliseconds. */
const REMOVE_TIMEOUT = 10_000;

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

/** An upload in parts that was begun and not ended. To continue it, upload its file again. */
export interface PendingUpload extends FileFacts {
  readonly key: string;
  /** When it can no longer be continued: ISO 8601. */
  readonly expiresAt: string;
  /** Removes what was sent. */
  readonly discard: () => Promise<void>;
}

/** The most parts of one entry: what is written for a part does not grow with the file. */
export const PARTS_OF_ENTRY = 50;

const entryOf = (partNumber: number) => Math.ceil(partNumber / PARTS_OF_ENTRY);

export type Memory = ReturnType<typeof makeMemory>;

/** The members of an upload that its memory depends on. */
export interface Resumable {
  readonly file: Blob;
  /** The members of each request for an upload of the file. */
  readonly asked: Omit<FileFacts, "lastModified"> & {
    readonly content_type: string;
    readonly metadata?: Readonly<Record<string, string>> | undefined;
  };
  readonly service: { readonly files: string };
  readonly resume: boolean | PendingUpload | undefined;
  readonly storage: UploadStorage | undefined;
  /** Remembers for as long as the page is open. */
  readonly kept: { readonly parts: UploadStorage };
}

/**
 * Makes the memory of an upload, which works without a storage too, or with one that fails. Throws
 * if it is to continue that of another file.
 */
export function makeMemory({ file, asked, resume, service, storage, kept }: Resumable) {
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
  const key = prefixFor(service.files) + JSON.stringify(facts);
  const given = JSON.stringify([asked.content_type, asked.metadata]);
  const locks = lasting ? globalThis.navigator?.locks : undefined;
  const isIn = (locks: ReadonlyArray<LockInfo> = []) => locks.some(({ name }) => name === key);
  return {
    recall: () => recall(call, key),
    /** Returns true if the upload was begun as it is asked for now, also with its type and metadata. */
    isSame: (begun: UploadMemory | undefined): begun is UploadMemory =>
      begun !== undefined &&
      ((resume instanceof Object && !asked.metadata) || (begun.asked ?? given) === given),
    /** Remembers the sent parts of the entry that has this part. */
    keep: (begun: StartedUpload, sent: ReadonlyMap<number, SentPart>, partNumber: number) => {
      const own = entryOf(partNumber);
      const parts = [...sent.values()].filter(({ partNumber }) => entryOf(partNumber) === own);
      const name = (own > 1 ? own : "") + key;
      const entry = { file: facts, begun, parts, asked: given };
      return call((storage) => storage.set(name, JSON.stringify(entry)));
    },
    forget: () => forget(call, key),
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
        .catch(() => run.signal.throwIfAborted());
      return result ?? work();
    },
    /** Returns true if another tab waits for this one. */
    isAwaited: async () => isIn((await locks?.query())?.pending),
  };
}

export async function pendingUploads(
  service: Service,
  storage: UploadStorage | undefined,
): Promise<ReadonlyArray<PendingUpload>> {
  const call = storing(storage ?? indexedDbStorage());
  const keys = [...((await call((storage) => storage.keys())) ?? [])];
  const own = keys.filter((key) => key.startsWith(prefixFor(service.files)));
  const found = own.map(async (key) => {
    const { file, begun } = (await recall(call, key)) ?? {};
    if (!file || !begun) return [];
    const discard = async () => {
      await discardParts(service, begun);
      await forget(call, key);
    };
    return [{ ...file, key: begun.key, expiresAt: begun.expiresAt, discard }];
  });
  return (await Promise.all(found)).flat();
}

export async function discardParts(service: Service, { upload }: StartedUpload): Promise<void> {
  const run = makeRun(AbortSignal.timeout(REMOVE_TIMEOUT));
  await service
    .ask(run, "multipart", () => undefined, { upload }, "DELETE")
    .catch((cause: unknown) => {
      if (!isOver(cause)) throw cause;
    });
}

/** Returns true if an upload cannot be continued, as the service or the store says. */
export const isOver = (cause: unknown): boolean =>
  problemIn(cause).code === "INVALID_UPLOAD" ||
  (cause as Partial<UploadError>).storeCode === "NoSuchUpload";

const prefixFor = (files: string) => `valetkey ${files} `;

/** Makes calls of a storage that return undefined if they fail. */
const storing =
  (storage: UploadStorage | null) =>
  async <A>(act: (storage: UploadStorage) => Awaitable<A>): Promise<A | undefined> => {
    try {
      return storage ? await act(storage) : undefined;
    } catch {
      return undefined;
    }
  };

type Call = ReturnType<typeof storing>;

/** The names of the entries of a memory. */
const namesOf = async (call: Call, key: string) =>
  [...((await call((storage) => storage.keys())) ?? [])].filter((name) => name.endsWith(key));

const forget = async (call: Call, key: string) => {
  for (const name of await namesOf(call, key)) await call((storage) => storage.delete(name));
};

/** Reads a memory; one that cannot be used, such as that of another version, is removed. */
async function recall(call: Call, key: string): Promise<UploadMemory | undefined> {
  const kept = await call((storage) => storage.get(key));
  if (!kept) return undefined;
  const first = decoded(kept);
  if (first && key.endsWith(JSON.stringify(first.file))) {
    const read = async (name: string) => decoded(await call((storage) => storage.get(name)));
    const entries = await Promise.all((await namesOf(call, key)).map(read));
    const own = entries.filter((entry) => entry?.begun.upload === first.begun.upload);
    return { ...first, parts: own.flatMap((entry) => entry?.parts ?? []) };
  }
  await forget(call, key);
  return undefined;
}

const decoded = (kept: string | null | undefined): UploadMemory | undefined =>
  attempt(() => {
    const value = JSON.parse(`${kept}`);
    return memoryDecoder(value.file.size)(value);
  });

const NAME = "valetkey";

/** A database that is blocked, or broken, answers nothing: its upload goes on without a memory. */
const DATABASE_TIMEOUT = 1000;

function indexedDbStorage(): UploadStorage | null {
  if (typeof indexedDB === "undefined") return null;
  let isSilent = false;
  const inDatabase = <A>(act: (store: IDBObjectStore) => IDBRequest<A>): Promise<A> => {
    check(!isSilent);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject((isSilent = true)), DATABASE_TIMEOUT);
    });
    return Promise.race([actIn(act), silence]).finally(() => clearTimeout(timer));
  };
  return {
    get: (key) => inDatabase((store) => store.get(key)),
    set: (key, value) => inDatabase((store) => store.put(value, key)),
    delete: (key) => inDatabase((store) => store.delete(key)),
    keys: () => inDatabase((store) => store.getAllKeys()) as Promise<Array<string>>,
  };
}

async function actIn<A>(act: (store: IDBObjectStore) => IDBRequest<A>): Promise<A> {
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
