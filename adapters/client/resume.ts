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

/** The most parts of one entry, so that a write does not grow with the file. */
export const PARTS_OF_ENTRY = 50;

const entryOf = (partNumber: number) => Math.ceil(partNumber / PARTS_OF_ENTRY);

export type Memory = ReturnType<typeof makeMemory>;

/** The members of an upload that its memory depends on. */
export interface Resumable {
  /** Identifies the chosen file: `prepare` may make other bytes of it each time. */
  readonly facts: FileFacts;
  /** The members of each request for an upload of the file. */
  readonly fields: Omit<FileFacts, "lastModified"> & {
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
 * Makes the memory of an upload, which also works without a storage or with one that fails. Throws
 * if the upload to continue is of another file.
 */
export function makeMemory({ facts, fields, resume, service, storage, kept }: Resumable) {
  const { filename, size, lastModified } = facts;
  if (
    resume instanceof Object &&
    !(filename === resume.filename && size === resume.size && lastModified === resume.lastModified)
  ) {
    throw new UploadError(
      "file-changed",
      `This is not the file that was begun, or it has changed: ${resume.filename} with ${resume.size} bytes. Choose that one, or discard the upload.`,
    );
  }
  // Without a modification time, another file of the same name could be taken for it.
  const lasting = lastModified && resume !== false ? (storage ?? indexedDbStorage()) : null;
  const call = storing(lasting ?? kept.parts);
  const key = prefixFor(service.files) + JSON.stringify(facts);
  const typeAndMetadata = JSON.stringify([fields.content_type, fields.metadata]);
  const locks = lasting ? globalThis.navigator?.locks : undefined;
  const isIn = (locks: ReadonlyArray<LockInfo> = []) => locks.some(({ name }) => name === key);
  return {
    recall: () => recall(call, key),
    /** Returns true if the stored upload has the size, type and metadata of this one. */
    isSame: (begun: UploadMemory | undefined): begun is UploadMemory =>
      begun !== undefined &&
      (begun.sentSize ?? size) === fields.size &&
      ((resume instanceof Object && !fields.metadata) ||
        (begun.fields ?? typeAndMetadata) === typeAndMetadata),
    /** Stores the entry of parts that has this part. */
    keep: (begun: StartedUpload, sent: ReadonlyMap<number, SentPart>, partNumber: number) => {
      const index = entryOf(partNumber);
      const parts = [...sent.values()].filter(({ partNumber }) => entryOf(partNumber) === index);
      const name = (index > 1 ? index : "") + key;
      const sentSize = fields.size === size ? undefined : fields.size;
      const entry = { file: facts, begun, parts, fields: typeAndMetadata, sentSize };
      return call((storage) => storage.set(name, JSON.stringify(entry)));
    },
    forget: () => forget(call, key),
    /**
     * Calls `work` when no other tab uploads the same file, and `onWait` if one does. Only a secure
     * context has the locks for that.
     */
    alone: async <A>(run: Run, onWait: () => void, work: () => Promise<A>): Promise<A> => {
      let result: Promise<A> | undefined;
      await locks
        ?.query()
        .then(({ held }) => isIn(held) && onWait())
        .then(() => locks.request(key, { signal: run.signal }, () => (result = work())))
        // Locks are denied where a page has no storage, as in a sandbox.
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
  const ofService = keys.filter((key) => key.startsWith(prefixFor(service.files)));
  const pending = ofService.map(async (key) => {
    const { file, begun } = (await recall(call, key)) ?? {};
    if (!file || !begun) return [];
    const discard = async () => {
      await discardParts(service, begun);
      await forget(call, key);
    };
    return [{ ...file, key: begun.key, expiresAt: begun.expiresAt, discard }];
  });
  return (await Promise.all(pending)).flat();
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

/** Returns a function that calls the storage, and returns undefined if that fails. */
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

/** Reads a memory; an invalid one, such as of another version, is removed. */
async function recall(call: Call, key: string): Promise<UploadMemory | undefined> {
  const kept = await call((storage) => storage.get(key));
  if (!kept) return undefined;
  const first = decoded(kept);
  if (first && key.endsWith(JSON.stringify(first.file))) {
    const read = async (name: string) => decoded(await call((storage) => storage.get(name)));
    const entries = await Promise.all((await namesOf(call, key)).map(read));
    const same = entries.filter((entry) => entry?.begun.upload === first.begun.upload);
    return { ...first, parts: same.flatMap((entry) => entry?.parts ?? []) };
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

/** Longest wait for a database, in milliseconds; a blocked or broken one does not answer. */
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
