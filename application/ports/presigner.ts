import * as Context from "effect/Context";
import type * as DateTime from "effect/DateTime";
import type * as Duration from "effect/Duration";
import type * as Effect from "effect/Effect";
import type { ByteSize } from "../../domain/byte-size.ts";
import type { Checksum, ChecksumAlgorithm } from "../../domain/checksum.ts";
import type { CredentialsUnavailable } from "../../domain/errors.ts";
import type { Lifetime } from "../../domain/lifetime.ts";
import type { MediaType } from "../../domain/media-type.ts";
import type { StorageKey } from "../../domain/storage-key.ts";

/** Who will use a signed request: a browser, or a service on the private network. */
export type Audience = "public" | "internal";

/** What every signed request is bound to. */
interface ObjectRequest {
  /** The object's name in the bucket: letters, digits, `-`, `_`, `.` and slashes, never encoded. */
  readonly key: StorageKey;
  /** How long the URL is asked to work: 1 second to 7 days, in whole seconds. */
  readonly lifetime: Lifetime;
  /**
   * Rather no URL than one that works for less than this, or than `lifetime` if that is less: it
   * fails with `CredentialsUnavailable` where what signs ends sooner. Whole seconds are counted,
   * so one second less is none too few.
   */
  readonly minLifetime: Lifetime;
  /** By whose address of the store the URL begins; a store that has one address has it for both. */
  readonly audience: Audience;
}

/**
 * What a PUT is bound to. A client that sends `Content-Type` and nothing else has to be served
 * where neither `writeOnce` nor `strict`, `pendingSince` nor `checksum` asks for more.
 */
export interface PutRequest extends ObjectRequest {
  /** Always bound, character for character as it is here, since that is what the client sends. */
  readonly mediaType: MediaType;
  /**
   * The exact size of the body, in bytes. Bound where that needs no header which the client would
   * have to set itself; else under `strict`, and held against `head` by whoever confirms.
   */
  readonly size: ByteSize;
  /**
   * The store is to accept the PUT only while nothing is stored under the key. Where it cannot be
   * told so, the PUT is signed without, and `isOnce` says that.
   */
  readonly writeOnce: boolean;
  /**
   * Everything that this store can enforce is bound, also what needs further headers: the exact
   * size, and to be written once. The checksum is no part of it, being bound wherever it is given.
   */
  readonly strict: boolean;
  /**
   * Since when the upload waits to be confirmed. The object is to bear a mark, bound like all
   * else, by which `lifecycle` of `ObjectStore` finds it and which `keep` takes off.
   */
  readonly pendingSince?: DateTime.Utc | undefined;
  /**
   * What the store itself verifies the bytes by. Always bound where it is given, which it is only
   * of an algorithm that is among `checksums`.
   */
  readonly checksum?: Checksum | undefined;
}

/**
 * What a GET is bound to, including how the store answers it. Whatever else a store lets the URL
 * decide is decided too, so that nothing which rode along with the upload is served: its
 * `Cache-Control` as `private, max-age=` and the lifetime in seconds, its `Content-Encoding` as
 * `identity`.
 */
export interface GetRequest extends ObjectRequest {
  /** The `Content-Type` of the answer, whatever type is stored. */
  readonly responseMediaType: MediaType;
  /** The `Content-Disposition` of the answer, complete: RFC 6266, in ASCII. */
  readonly responseDisposition: string;
  /** The version or generation of the object, as `head` gave it; the newest if undefined. */
  readonly version?: string | undefined;
  /**
   * The signature is made as if at the beginning of a window of this length (windows are counted
   * from 1970 on), so that within one the same request has the same URL; `expiresAt` is counted
   * from there, too. At this very moment if undefined.
   */
  readonly window?: Duration.Duration | undefined;
}

/** A request that whoever holds it can make until `expiresAt`, and no other. */
export interface SignedRequest {
  readonly method: "GET" | "PUT";
  readonly url: string;
  /**
   * Headers that the client must set itself: of a PUT always `Content-Type`, and never
   * `Content-Length` or `Host`, which clients set by themselves; of a GET none.
   */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * The instant from which the store refuses the request: the end of the lifetime, or that of the
   * credentials that signed if it is sooner.
   */
  readonly expiresAt: DateTime.Utc;
}

/** A signed PUT. */
export interface SignedPut extends SignedRequest {
  /**
   * Whether the store was made to accept it once only: under `writeOnce` or `strict`, where it is
   * able to. An upload that is not once is confirmed as one that can still change.
   */
  readonly isOnce: boolean;
}

/**
 * Signs requests that the store itself enforces. Once credentials are held, signing makes no
 * network call unless `isRemote`; time comes from Effect's `Clock`. How an adapter of one's own is
 * written, and proves itself, is in docs/adapters.md.
 */
export class Presigner extends Context.Service<
  Presigner,
  {
    /** Signs a PUT that the store accepts as it was granted, and in no other way. */
    readonly put: (request: PutRequest) => Effect.Effect<SignedPut, CredentialsUnavailable>;
    /** Signs a GET that the store answers as it was told. */
    readonly get: (request: GetRequest) => Effect.Effect<SignedRequest, CredentialsUnavailable>;
    /** Whether each signature is a call over the network, so that two are better made at once. */
    readonly isRemote: boolean;
    /** The checksums that this store verifies on a PUT. */
    readonly checksums: ReadonlyArray<ChecksumAlgorithm>;
    /**
     * The origin that browsers are sent to, for pages that must permit it by policy: scheme, host
     * and port, as `URL` writes it.
     */
    readonly publicOrigin: string;
  }
>()("valetkey/Presigner") {}
