// Answers and stored uploads come from outside, so they are decoded before use.

/** Returns the value as it is used; throws if it is invalid. */
export type Decode<A> = (value: unknown) => A;

/** The longest text: the numbers of all parts in a refusal are nearly as many characters. */
const LONGEST_TEXT = 2 ** 16;

/** The most items of a list: an upload has no more parts. */
const MOST_ITEMS = 10_000;

export function attempt<A>(work: () => A): A | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

export function check(isUsable: unknown, message?: string): void {
  if (!isUsable) throw new TypeError(message);
}

function valid<A>(passes: (value: A) => unknown): Decode<A> {
  return (value) => {
    check(passes(value as A));
    return value as A;
  };
}

/** Text on one line. */
export const text = valid<string>(
  (value) => typeof value === "string" && value.length <= LONGEST_TEXT && !/\p{Cc}/u.test(value),
);

/** An ETag as the service takes it. */
export const ETAG = /^"?[!#-~]{1,255}"?$/;
const etag = valid<string>((value) => ETAG.test(text(value)));

const number = valid<number>((value) => Number.isFinite(value) && value >= 0);
const boolean = valid<boolean>((value) => typeof value === "boolean");

/** An HTTP URL: no script and no local file. */
const url = valid<string>((value) => /^https?:/.test(new URL(text(value)).protocol));

type HeaderMap = Readonly<Record<string, string>>;
const texts = valid<HeaderMap>((value) => list(text)(Object.values(value)));
/** Headers that a request can have. */
const headers = valid<HeaderMap>((value) => new Headers(texts(value)));

const optional =
  <A>(decode: Decode<A>): Decode<A | undefined> =>
  (value) =>
    value === undefined ? undefined : decode(value);

const array = valid<ReadonlyArray<unknown>>(
  (value) => Array.isArray(value) && value.length <= MOST_ITEMS,
);
const list =
  <A>(item: Decode<A>): Decode<ReadonlyArray<A>> =>
  (value) =>
    array(value).map(item);
/** A list that begins with these items, in this order. */
const tuple =
  <A>(items: ReadonlyArray<Decode<A>>): Decode<ReadonlyArray<A>> =>
  (value) =>
    items.map((item, index) => item(array(value)[index]));

type Shape = Readonly<Record<string, Decode<unknown>>>;

type Decoded<S extends Shape> = {
  readonly [Name in keyof S as IfOptional<S[Name], never, Name>]: ReturnType<S[Name]>;
} & {
  readonly [Name in keyof S as IfOptional<S[Name], Name, never>]?: ReturnType<S[Name]>;
};
type IfOptional<D extends Decode<unknown>, A, B> = undefined extends ReturnType<D> ? A : B;

/**
 * Decodes the members of an object, named in camel case in storage and in snake case in the API.
 * Throws the path of the first invalid one.
 */
function object<S extends Shape>(shape: S): Decode<Decoded<S>> {
  const decode = (value: Readonly<Record<string, unknown>>) =>
    Object.entries(shape).map(([name, decode]) => {
      const member = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      try {
        return [name, decode(value[member] ?? value[name])];
      } catch (cause) {
        throw typeof cause === "string" ? `${member}.${cause}` : member;
      }
    });
  return (value) => Object.fromEntries(decode(value as never)) as never;
}

const policy = object({
  /** The `policy` of an upload. */
  name: text,
  /** In bytes. */
  maxSize: number,
  /** Media types, or all subtypes of one, such as `image/*`. */
  allowedTypes: list(text),
  /** The allowed types by their usual extensions: `".png": "image/png"`. */
  extensions: texts,
  /** In seconds. */
  putLifetime: number,
  /** In seconds. */
  getLifetime: number,
  /** The longest lifetime of a link, in seconds; undefined if links are not allowed. */
  linkLifetime: optional(number),
  /** The widths in which its pictures can be opened, in pixels; undefined if there are none. */
  images: optional(list(number)),
  /** Everybody can read its files. */
  public: optional(boolean),
  strict: boolean,
  writeOnce: boolean,
  requireChecksum: boolean,
  /** The algorithms that the store verifies. */
  checksums: list(text),
  /**
   * Files in parts: the largest, the smallest part, and the checksums of parts. Undefined if the
   * store takes none.
   */
  multipart: optional(
    object({ maxSize: number, minPartSize: optional(number), checksums: list(text) }),
  ),
});

/** A policy that the caller may upload under. */
export interface UploadPolicy extends ReturnType<typeof policy> {}
export const decodePolicies = object({ policies: list<UploadPolicy>(policy) });

/** A signed PUT: of a whole file with its receipt, or of a part with its checksum. */
export interface SignedTarget {
  readonly url: string;
  readonly headers: HeaderMap;
  readonly receipt?: string;
  readonly checksum?: string | undefined;
}

const grant = object({ putUrl: url, putHeaders: headers, receipt: text });
export const decodeGrant: Decode<SignedTarget> = (value) => {
  const { putUrl, putHeaders, receipt } = grant(value);
  return { url: putUrl, headers: putHeaders, receipt };
};
export const grantsDecoder = (count: number) =>
  object({ uploads: tuple(Array.from({ length: count }, () => decodeGrant)) });

export const signedDecoder = (numbers: ReadonlyArray<number>) => {
  const part = (number: number) =>
    object({ partNumber: valid<number>((value) => value === number), url, headers });
  return object({ parts: tuple(numbers.map(part)) });
};

export const decodeStored = object({ parts: list(object({ partNumber: number, etag })) });

export const decodeResult = object({
  /** The name of the object in its bucket: what to keep. */
  key: text,
  /** The file's name, and its place in the folder that was dropped or chosen. */
  filename: text,
  path: optional(text),
  /** Shows the file to everyone who has the URL, for as long as the policy says. */
  getUrl: url,
  /** Opens the file for members of the organization, for good. */
  fileUrl: url,
  /** Shows the file to everybody, for good; undefined unless its policy is public. */
  publicUrl: optional(url),
  size: number,
  contentType: text,
  etag: text,
  metadata: optional(texts),
  serverData: (value: unknown) => value,
  /** Sent to the service for a link to the file. */
  receipt: text,
});

/** An upload that is in the store, and confirmed. */
export interface UploadResult<Data = unknown> extends Omit<
  ReturnType<typeof decodeResult>,
  "serverData"
> {
  /** The JSON that the host's `onConfirmed` has returned. It is not checked. */
  readonly serverData?: Data;
}

/** The answer to a confirmation has no receipt, so the one that was sent is added. */
export const confirmedDecoder =
  (receipt: string): Decode<UploadResult> =>
  (answer) =>
    decodeResult({ ...(answer as object), receipt });

const outcome = object({
  file: (value: unknown) => value,
  /** The problem document, which has the status that the upload would have alone. */
  problem: optional(valid<{ readonly status: number }>(({ status }) => number(status))),
  /** In seconds. */
  retryAfter: optional(number),
});
export type ConfirmOutcome = ReturnType<typeof outcome>;
/** Decodes the answer for each of `count` receipts. */
export const outcomesDecoder = (count: number) =>
  object({ uploads: tuple(Array.from({ length: count }, () => outcome)) });

/** Decodes the start of a file in parts, whose number follows from its size. */
export const startDecoder = (size: number) => {
  const isEnough = (bytes: number) => Number.isInteger(number(bytes)) && bytes * MOST_ITEMS >= size;
  return object({ upload: text, key: text, partSize: valid(isEnough), expiresAt: text });
};
export type StartedUpload = ReturnType<ReturnType<typeof startDecoder>>;

const file = object({
  filename: text,
  size: number,
  /** As `File.lastModified`. */
  lastModified: number,
  policy: optional(text),
  /** Its place in the folder that was dropped or chosen. */
  path: optional(text),
});

/** Identifies a file, and the policy that it is uploaded under. */
export interface FileFacts extends ReturnType<typeof file> {}

/** A part that arrived: its ETag, unless CORS hides it, and the checksum of what was sent. */
const sent = object({ partNumber: number, etag: optional(etag), checksum: text });
export type SentPart = ReturnType<typeof sent>;

/** Decodes the memory of an upload. */
export const memoryDecoder = (size: number) =>
  object({
    file,
    begun: startDecoder(size),
    parts: list(sent),
    fields: optional(text),
    /** The size of the prepared file, if it differs. */
    sentSize: optional(number),
  });
export type UploadMemory = ReturnType<ReturnType<typeof memoryDecoder>>;

/** An instant, as JSON writes it. */
const instant: Decode<Date> = (value) => {
  const date = new Date(text(value));
  check(date.getTime());
  return date;
};
const storedFile = object({
  key: text,
  /** In bytes. */
  size: number,
  /** When it was stored, as the store says. */
  storedAt: instant,
  /** Opens the file for members of the organization, for good. */
  fileUrl: url,
  /** By the extension of its key. */
  contentType: text,
  /** With `details`, where the service has stored it. */
  filename: optional(text),
  /** Where it was in its folder, such as `holidays/a.png`; as `filename`. */
  path: optional(text),
  /** With `width`: shows the picture to everyone who has the URL, until that expires. */
  imageUrl: optional(url),
  /** Shows the file to everyone, if its policy is public. */
  publicUrl: optional(url),
});
/** A file, as a list has it. */
export interface StoredFile extends ReturnType<typeof storedFile> {}
export const decodeFiles = object({ files: list<StoredFile>(storedFile), next: optional(text) });

export const decodeUsage = object({
  /** Confirmed files, and their bytes. */
  files: number,
  bytes: number,
  /** Bytes of uploads that may still be confirmed; the limit counts them too. */
  granted: number,
  /** Uploads whose URLs have not ended. */
  open: number,
  /** In bytes; undefined without a limit. */
  limit: optional(number),
  /** `bytes` of `limit`, rounded down. */
  percent: optional(number),
  /** False until the store was counted: then there may be more than this. */
  known: boolean,
});
/** What an organization, or a person in it, has stored. */
export interface Usage extends ReturnType<typeof decodeUsage> {}

export const decodeOpened = object({ url });

export const decodeState = object({
  state: valid<FileState>((value) => ["missing", "waiting", "ready"].includes(value)),
  retryAfter: optional(number),
});
/** `waiting`: its upload has arrived, and is not confirmed; `missing`: nothing is there. */
export type FileState = "missing" | "waiting" | "ready";

export const decodeProblem = object({
  code: text,
  title: text,
  detail: optional(text),
  /** The most bytes that the policy allows. */
  limit: optional(number),
  /** The media types that the policy allows. */
  allowed: optional(list(text)),
  /** The numbers of parts that did not arrive. */
  missing: optional(list(number)),
  errors: optional(list(object({ pointer: text, reason: text }))),
});

/** A problem document of the service; other members depend on its code. */
export interface Problem extends Partial<ReturnType<typeof decodeProblem>> {}
