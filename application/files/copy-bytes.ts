import * as Data from "effect/Data";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { encode } from "effect/encoding/Base64";
import * as Option from "effect/Option";
import * as Schedule from "effect/Schedule";
import * as Semaphore from "effect/Semaphore";
import { Digest, layerWebCrypto, sha256 } from "effect/crypto/Digest";
import { type ByteSize, mebibytes } from "../../domain/byte-size.ts";
import type { Checksum } from "../../domain/checksum.ts";
import { type CredentialsUnavailable, StoreUnavailable } from "../../domain/errors.ts";
import { Lifetime } from "../../domain/lifetime.ts";
import type { MediaType } from "../../domain/media-type.ts";
import { PartNumber, partSizeFor } from "../../domain/multipart.ts";
import type { ObjectKey } from "../../domain/storage-key.ts";
import type { ObjectRef } from "../ports/object-store.ts";
import type { SignedRequest } from "../ports/presigner.ts";
import type { StorePorts } from "../store/both-stores.ts";

/** Sends bytes by a signed request; fails unless the store takes them. */
export type Send = (
  request: SignedRequest,
  bytes: Uint8Array,
) => Effect.Effect<void, StoreUnavailable>;

/** The object was replaced or removed while it was read. */
export class Changed extends Data.TaggedError("Changed") {}

/**
 * Copies the bytes of an object of one store to a key of another, in pieces of 16 MiB or as large as
 * 10,000 parts require. The SHA-256 of each is bound into its request where the store verifies that;
 * elsewhere the copy is read again.
 */
export const copyBytes = Effect.fnUntraced(function* (
  { to, from, send }: Readonly<Record<"to" | "from", StorePorts>> & { readonly send: Send },
  object: ObjectRef & { readonly contentType: MediaType },
  key: ObjectKey,
) {
  const { store, presigner } = to;
  const { size, contentType } = object;
  const { parts } = store;
  const { part } = presigner;
  const pieces = piecesOf(size);
  const isBound = store.abilities.has(pieces.length === 1 ? "sha256" : "part sha256");
  const sendPiece = (
    piece: Piece,
    sign: (
      about: typeof ABOUT & { key: ObjectKey; size: ByteSize; checksum: Checksum | undefined },
    ) => Effect.Effect<SignedRequest, CredentialsUnavailable>,
  ) =>
    inMemory(
      piece,
      Effect.gen(function* () {
        const bytes = yield* bytesIn(from, object, piece);
        const value = yield* digestOf(bytes);
        const checksum = isBound ? ({ algorithm: "sha256", value } as Checksum) : undefined;
        const size = bytes.length as ByteSize;
        yield* send(yield* sign({ ...ABOUT, key, size, checksum }), bytes);
        return value;
      }),
    );

  let digests: ReadonlyArray<string>;
  const [first = { start: 0, length: 0 }, ...others] = pieces;
  if (others.length === 0) {
    const put = { contentType, writeOnce: false, strict: false };
    digests = [yield* sendPiece(first, (about) => presigner.put({ ...about, ...put }))];
  } else if (parts === undefined || part === undefined) {
    return yield* TOO_LARGE;
  } else {
    const id = { key, uploadId: yield* parts.create({ key, contentType }) };
    digests = yield* Effect.forEach(
      pieces,
      (piece, index) => {
        const partNumber = PartNumber.make(index + 1);
        return sendPiece(piece, (about) => part({ ...about, ...id, partNumber }));
      },
      { concurrency: PIECES_AT_ONCE },
    ).pipe(
      Effect.tap(
        Effect.gen(function* () {
          const stored = Option.getOrElse(yield* parts.list(id), () => []);
          const areAll = pieces.every(({ length }, index) => stored[index]?.size === length);
          if (!areAll) return yield* NOT_AS_SENT;
          yield* parts.complete({ ...id, parts: stored });
        }),
      ),
      Effect.catchTag("ObjectUnreadable", () => NOT_AS_SENT),
      Effect.onError(() => Effect.ignore(parts.abort(id))),
    );
  }
  const copy = Option.getOrUndefined(yield* store.head(key));
  if (copy?.size !== size || copy.contentType !== contentType) return yield* NOT_AS_SENT;
  const sent = { ...copy, key };
  const isRight = isBound || (yield* digestsOf(to, sent)).join() === digests.join();
  return isRight ? sent : yield* NOT_AS_SENT;
});

/** Returns true if two objects of the same size have the same bytes, which are read. */
export const haveSameBytes = (
  { to, from }: Readonly<Record<"to" | "from", StorePorts>>,
  object: ObjectRef,
  copy: ObjectRef,
) => Effect.zipWith(digestsOf(from, object), digestsOf(to, copy), (a, b) => a.join() === b.join());

interface Piece {
  readonly start: number;
  readonly length: number;
}

const piecesOf = (size: number): ReadonlyArray<Piece> => {
  const most = Math.max(mebibytes(16), partSizeFor(size as ByteSize));
  return Array.from({ length: Math.ceil(size / most) }, (_, index) => {
    const start = index * most;
    return { start, length: Math.min(most, size - start) };
  });
};

const PIECES_AT_ONCE = 4;

/** In MiB, for all pieces that are under way. */
const MEMORY = 256;
const memory = Semaphore.makeUnsafe(MEMORY);

/** Works on a piece once there is room for it, and again while the stores may come back. */
const inMemory = <A, E extends { readonly _tag: string }>(
  { length }: Piece,
  work: Effect.Effect<A, E>,
) => memory.withPermits(Math.min(MEMORY, Math.ceil(length / mebibytes(1))))(persistently(work));

/** Repeats what may pass for half a minute. */
export const persistently = <A, E extends { readonly _tag: string }>(work: Effect.Effect<A, E>) =>
  Effect.retry(work, {
    schedule: Schedule.exponential("500 millis"),
    times: 6,
    while: (failure) =>
      failure instanceof StoreUnavailable &&
      (failure.kind !== "refused" || failure.isTemporary === true),
  });

const digestsOf = (side: StorePorts, object: ObjectRef) =>
  Effect.forEach(
    piecesOf(object.size),
    (piece) => inMemory(piece, Effect.flatMap(bytesIn(side, object, piece), digestOf)),
    { concurrency: PIECES_AT_ONCE },
  );

const bytesIn = Effect.fnUntraced(function* (
  { store }: StorePorts,
  object: ObjectRef,
  { start, length }: Piece,
) {
  if (length === 0) return new Uint8Array();
  const opened = yield* store.read?.({ ...object, start, length }) ?? CANNOT_READ;
  if (opened === "changed") return yield* new Changed();
  return yield* Effect.tryPromise({
    try: async () => {
      const bytes = new Uint8Array(length);
      let read = 0;
      for await (const chunk of opened) {
        bytes.set(chunk, read);
        read += chunk.length;
      }
      return bytes;
    },
    catch: (cause) =>
      cause instanceof StoreUnavailable
        ? cause
        : new StoreUnavailable({ kind: "unreachable", reason: String(cause) }),
  }).pipe(Effect.timeoutOrElse({ duration: "10 minutes", orElse: () => Effect.fail(TOO_SLOW) }));
});

const digestOf = (bytes: Uint8Array) =>
  Digest.use(({ digest }) => digest(sha256, bytes)).pipe(
    Effect.provide(layerWebCrypto),
    Effect.map(encode),
  );

const ABOUT = {
  lifetime: Lifetime.make(Duration.hours(1)),
  minLifetime: Lifetime.make(Duration.minutes(1)),
  audience: "internal",
} as const;

const refused = (reason: string) => Effect.fail(new StoreUnavailable({ kind: "refused", reason }));
const TOO_LARGE = refused(
  "the new store takes no uploads in parts, and the file is too large for one",
);
const NOT_AS_SENT = refused("the new store has not kept the file as it was sent");
const CANNOT_READ = refused("the store cannot be read");
const TOO_SLOW = new StoreUnavailable({
  kind: "timeout",
  reason: "the bytes of a file did not arrive within 10 minutes",
});
