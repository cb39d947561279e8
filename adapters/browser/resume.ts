import { UploadError } from "./errors.ts";

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

/** An upload in parts as the service has started it. */
export interface Started {
  /** The token, which works for its caller alone. */
  readonly upload: string;
  readonly key: string;
  readonly part_size: number;
  readonly part_count: number;
  readonly expires_at: string;
}

/** What is remembered. */
export interface Remembered {
  readonly file: FileFacts;
  readonly begun: Started;
  /** There once all parts were sent: their ETags, in order. */
  readonly etags?: ReadonlyArray<string> | undefined;
}

/** The memory of one upload. It works without a storage too, or with one that fails. */
export interface Memory {
  readonly recall: () => Promise<Remembered | undefined>;
  readonly keep: (remembered: Omit<Remembered, "file">) => Promise<unknown>;
  readonly forget: () => Promise<unknown>;
}

/** What is known of an upload before it is begun. */
export interface Resumable {
  readonly file: Blob;
  readonly asked: Omit<FileFacts, "lastModified">;
  readonly service: { readonly files: string };
  readonly resume: boolean | PendingUpload | undefined;
  readonly storage: UploadStorage | undefined;
}

/** The memory of an upload. Fails if it is to go on with that of another file. */
export function memoryOf({ file, asked, resume, service, storage }: Resumable): Memory {
  const { filename, size, policy } = asked;
  const { lastModified = 0 } = file as File;
  if (
    typeof resume === "object" &&
    !(filename === resume.filename && size === resume.size && lastModified === resume.lastModified)
  ) {
    throw new UploadError(
      "file-changed",
      `This is not the file that was begun, or it has changed: ${resume.filename} with ${resume.size} bytes. Choose that one, or discard the upload.`,
    );
  }
  // Without the time of its last change, another file of the same name could be taken for it.
  const call = storing(lastModified && resume !== false ? storage : null);
  const facts = { filename, size, lastModified, policy };
  const key = prefixOf(service.files) + JSON.stringify(facts);
  return {
    recall: async () => parse(await call((storage) => storage.get(key))),
    keep: (more) => call((storage) => storage.set(key, JSON.stringify({ file: facts, ...more }))),
    forget: () => call((storage) => storage.delete(key)),
  };
}

/** All uploads of a service and organization that are remembered. */
export async function rememberedUploads(files: string, given: UploadStorage | undefined) {
  const call = storing(given);
  const keys = [...((await call((storage) => storage.keys())) ?? [])];
  const found = keys
    .filter((key) => key.startsWith(prefixOf(files)))
    .map(async (key) => {
      const remembered = parse(await call((storage) => storage.get(key)));
      return remembered && { remembered, forget: () => call((storage) => storage.delete(key)) };
    });
  return (await Promise.all(found)).filter((one) => one !== undefined);
}

const prefixOf = (files: string) => `valetkey ${files} `;

/** What calls a storage, and gives undefined if that fails: an upload does without a memory. */
const storing =
  (storage: UploadStorage | null = indexedDbStorage()) =>
  async <A>(act: (storage: UploadStorage) => Awaitable<A>): Promise<A | undefined> => {
    try {
      return storage ? await act(storage) : undefined;
    } catch {
      return undefined;
    }
  };

/** What is in the storage could be of another version. */
function parse(text: string | null | undefined): Remembered | undefined {
  try {
    const value = JSON.parse(text ?? "");
    return value.begun.part_size > 0 ? value : undefined;
  } catch {
    return undefined;
  }
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
