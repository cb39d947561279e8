import * as Context from "effect/Context";
import type * as DateTime from "effect/DateTime";
import type * as Duration from "effect/Duration";
import type * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import type { ByteSize } from "../../domain/byte-size.ts";
import type { Checksum, ChecksumAlgorithm } from "../../domain/checksum.ts";
import type { Lifetime } from "../../domain/lifetime.ts";
import type { MediaType } from "../../domain/media-type.ts";
import type { StorageKey } from "../../domain/storage-key.ts";

/** Who will use a signed request: a browser, or a service on the private network. */
export type Audience = "public" | "internal";

/** What every signed request is bound to. */
interface ObjectRequest {
  readonly key: StorageKey;
  readonly lifetime: Lifetime;
  /** Rather no URL than one that works for less than this, or than `lifetime` if that is less. */
  readonly minLifetime: Lifetime;
  readonly audience: Audience;
}

/** What a PUT is bound to. */
export interface PutRequest extends ObjectRequest {
  readonly mediaType: MediaType;
  /** The exact size of the body, in bytes. */
  readonly size: ByteSize;
  /** The store accepts the PUT only while nothing is stored under the key. */
  readonly writeOnce: boolean;
  /** Everything that this store can enforce is bound, also what needs further headers. */
  readonly strict: boolean;
  /** Since when the upload waits to be confirmed; the bucket's rule removes it if none does. */
  readonly pendingSince?: DateTime.Utc | undefined;
  /** What the store verifies the bytes by; of an algorithm that is among `checksums`. */
  readonly checksum?: Checksum | undefined;
}

/** What a GET is bound to, including how the store answers it. */
export interface GetRequest extends ObjectRequest {
  /** The `Content-Type` of the answer. */
  readonly responseMediaType: MediaType;
  /** The `Content-Disposition` of the answer. */
  readonly responseDisposition: string;
  /** The version or generation of the object; the newest if undefined. */
  readonly version?: string | undefined;
  /**
   * The signature is made as if at the beginning of a window of this length, so that within one
   * the same request has the same URL; at this very moment if undefined.
   */
  readonly window?: Duration.Duration | undefined;
}

/** A request that whoever holds it can make until `expiresAt`. */
export interface SignedRequest {
  readonly method: "GET" | "PUT";
  readonly url: string;
  /** Headers that the client must set itself, by their usual spelling. */
  readonly headers: Readonly<Record<string, string>>;
  /** The instant from which the store refuses the request. */
  readonly expiresAt: DateTime.Utc;
}

/** A signed PUT. */
export interface SignedPut extends SignedRequest {
  /** Whether the store was made to accept it once only. */
  readonly isOnce: boolean;
}

/** No credentials that live long enough can be had; `reason` is for the operator. */
export class CredentialsUnavailable extends Schema.TaggedError<CredentialsUnavailable>()(
  "CredentialsUnavailable",
  { reason: Schema.String },
) {}

/**
 * Signs requests that the store itself enforces. Once credentials are held, signing makes no
 * network call; time comes from Effect's `Clock`.
 */
export class Presigner extends Context.Service<
  Presigner,
  {
    readonly put: (request: PutRequest) => Effect.Effect<SignedPut, CredentialsUnavailable>;
    readonly get: (request: GetRequest) => Effect.Effect<SignedRequest, CredentialsUnavailable>;
    /** Whether each signature is a call over the network. */
    readonly isRemote: boolean;
    /** The checksums that this store verifies on a PUT. */
    readonly checksums: ReadonlyArray<ChecksumAlgorithm>;
    /** The origin that browsers are sent to, for pages that must permit it by policy. */
    readonly publicOrigin: string;
  }
>()("valetkey/Presigner") {}
