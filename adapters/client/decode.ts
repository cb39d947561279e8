// Answers and memories come from outside: they are decoded before they are used.

/** Gives a value as it is used; throws if it cannot be. */
export type Decode<A> = (value: unknown) => A;

/** The longest text: the numbers of all parts in a refusal are nearly as many characters. */
const LONGEST_TEXT = 2 ** 16;

/** The most items of a list: an upload has no more parts. */
const MOST_ITEMS = 10_000;

/** Calls a function that may throw. */
export function attempt<A>(work: () => A): A | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** Throws a `TypeError` unless something can be used. */
export function check(isUsable: unknown, message?: string): void {
  if (!isUsable) throw new TypeError(message);
}

/** A value as it is, if it passes. */
function valid<A>(passes: (value: A) => unknown): Decode<A> {
  return (value) => {
    check(passes(value as A));
    return value as A;
  };
}

/** Text on one line, which can be shown. */
export const text = valid<string>(
  (value) => typeof value === "string" && value.length <= LONGEST_TEXT && !/\p{Cc}/u.test(value),
);

/** An ETag as the service takes it. */
export const ETAG = /^"?[!#-~]{1,255}"?$/;
const etag = valid<string>((value) => ETAG.test(text(value)));

const number = valid<number>((value) => Number.isFinite(value) && value >= 0);
const boolean = valid<boolean>((value) => typeof value === "boolean");

/** An address to fetch or to link to: no script, and no file of this machine. */
const url = valid<string>((value) => /^https?:/.test(new URL(text(value)).protocol));

type Texts = Readonly<Record<string, string>>;
const texts = valid<Texts>((value) => list(text)(Object.values(value)));
/** Headers that a request can have. */
const headers = valid<Texts>((value) => new Headers(texts(value)));

const optional = <A>(decode: Decode<A>): Decode<A | undefined> => {
  return (value) => (value === undefined ? undefined : decode(value));
};

const array = valid<ReadonlyArray<unknown>>(
  (value) => Array.isArray(value) && value.length <= MOST_ITEMS,
);
const list = <A>(item: Decode<A>): Decode<ReadonlyArray<A>> => {
  return (value) => array(value).map(item);
};
/** A list that begins with these items, in this order. */
const tuple = <A>(items: ReadonlyArray<Decode<A>>): Decode<ReadonlyArray<A>> => {
  return (value) => items.map((item, index) => item(array(value)[index]));
};

type Shape = Readonly<Record<string, Decode<unknown>>>;

/** An object with these members, of which some are optional. */
export type Decoded<S extends Shape> = {
  readonly [Name in keyof S as IfOptional<S[Name], never, Name>]: ReturnType<S[Name]>;
} & {
  readonly [Name in keyof S as IfOptional<S[Name], Name, never>]?: ReturnType<S[Name]>;
};
type IfOptional<D extends Decode<unknown>, A, B> = undefined extends ReturnType<D> ? A : B;

/**
 * The members that are used, by names in camel case; a memory has them so, and the API in snake
 * case. Throws the path of the first that cannot be used.
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

/** The limits of a policy. */
const POLICY = {
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
  strict: boolean,
  writeOnce: boolean,
  requireChecksum: boolean,
  /** The algorithms that the store verifies. */
  checksums: list(text),
  /** Files in parts: the largest, and the checksums of parts. Undefined if the store takes none. */
  multipart: optional(object({ maxSize: number, checksums: list(text) })),
};

/** A policy that the caller may upload under. */
export interface UploadPolicy extends Decoded<typeof POLICY> {}
export const decodePolicies = object({ policies: list<UploadPolicy>(object(POLICY)) });

/** A grant of one upload. */
export const decodeGrant = object({ putUrl: url, putHeaders: headers, receipt: text });
export type Grant = ReturnType<typeof decodeGrant>;
export const grantsDecoder = (count: number) =>
  object({ uploads: tuple(Array.from({ length: count }, () => decodeGrant)) });

const CONFIRMED = {
  /** The name of the object in its bucket: what to keep. */
  key: text,
  /** Shows the file to everyone who has the URL, for as long as the policy says. */
  getUrl: url,
  /** Opens the file for members of the organization, for good. */
  fileUrl: url,
  size: number,
  contentType: text,
  etag: text,
};
export const decodeConfirmed = object(CONFIRMED);

const RESULT = {
  ...CONFIRMED,
  /** Sent to the service for a link to the file. */
  receipt: text,
};
export const decodeResult = object(RESULT);

/** An upload that is in the store, and confirmed. */
export interface UploadResult extends Decoded<typeof RESULT> {}

/** The start of a file in parts, whose number follows from its size. */
export const startDecoder = (size: number) =>
  object({
    upload: text,
    key: text,
    partSize: valid<number>(
      (value) => Number.isInteger(number(value)) && value * MOST_ITEMS >= size,
    ),
    expiresAt: text,
  });
export type Started = ReturnType<ReturnType<typeof startDecoder>>;

/** The signed PUTs of these parts. */
export const signedDecoder = (numbers: ReadonlyArray<number>) =>
  object({
    parts: tuple(
      numbers.map((number) =>
        object({ partNumber: valid((value) => value === number), url, headers }),
      ),
    ),
  });

/** The parts that are in the store. */
export const decodeStored = object({ parts: list(object({ partNumber: number, etag })) });

const FILE = {
  filename: text,
  size: number,
  /** As `File.lastModified`. */
  lastModified: number,
  policy: optional(text),
};

/** Identifies a file, and the policy that it is uploaded under. */
export interface FileFacts extends Decoded<typeof FILE> {}

/** A part that arrived: its ETag, unless CORS hides it, and the checksum of what was sent. */
const decodeSent = object({ partNumber: number, etag: optional(etag), checksum: text });
export type SentPart = ReturnType<typeof decodeSent>;

/** The memory of an upload; one without checksums is of an earlier version. */
export const memoryDecoder = (size: number) =>
  object({ file: object(FILE), begun: startDecoder(size), parts: list(decodeSent) });
export type Remembered = ReturnType<ReturnType<typeof memoryDecoder>>;

const PROBLEM = {
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
};
export const decodeProblem = object(PROBLEM);

/** A problem document of the service; other members depend on its code. */
export interface Problem extends Partial<Decoded<typeof PROBLEM>> {}
