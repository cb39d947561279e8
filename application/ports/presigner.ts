import * as Context from "effect/Context";
import type * as DateTime from "effect/DateTime";
import type * as Duration from "effect/Duration";
import type * as Effect from "effect/Effect";
import type { ByteSize } from "../../domain/byte-size.ts";
import type { Checksum } from "../../domain/checksum.ts";
import type { CredentialsUnavailable } from "../../domain/errors.ts";
import type { Lifetime } from "../../domain/lifetime.ts";
import type { MediaType } from "../../domain/media-type.ts";
import type { PartNumber } from "../../domain/multipart.ts";
import type { ObjectKey } from "../../domain/storage-key.ts";

/** Where a signed request is used: in a browser, or by a service on the private network. */
export type Audience = "public" | "internal";

/** The members of every signed request. */
export interface ObjectRequest {
  /** The object's name in the bucket: letters, digits, `-`, `_`, `.` and slashes, never encoded. */
  readonly key: ObjectKey;
  /** The requested lifetime of the URL: 1 second to 7 days, in whole seconds. */
  readonly lifetime: Lifetime;
  /**
   * The shortest useful lifetime: signing fails with `CredentialsUnavailable` if the credentials
   * expire sooner than this, or than `lifetime` if that is shorter. A second less is accepted.
   */
  readonly minLifetime: Lifetime;
  /** The store's address in the URL; a store with one address uses it for both. */
  readonly audience: Audience;
}

/**
 * The properties that a PUT is bound to. Unless one requires more, a client that sends only
 * `Content-Type` must be able to upload.
 */
export interface PutRequest extends ObjectRequest {
  /** Always bound, character for character, since the client sends the same text. */
  readonly contentType: MediaType;
  /**
   * The exact size in bytes. Bound under `strict`, and if the client need not set a header for it.
   */
  readonly size: ByteSize;
  /** True to accept the PUT only while the key has no object. Without that, `isOnce` is false. */
  readonly writeOnce: boolean;
  /** Binds everything that this store can enforce, even if that needs further headers. */
  readonly strict: boolean;
  /** Always bound if present; the store verifies its algorithm. */
  readonly checksum?: Checksum | undefined;
  /** Always bound if present, as the metadata `valetkey-grant`, which `head` returns. */
  readonly announcement?: string | undefined;
}

/** The properties that the PUT of one part is bound to. */
export interface PartRequest extends ObjectRequest {
  /** The store's name for the upload, as `parts.create` of `ObjectStore` returned it. */
  readonly uploadId: string;
  readonly partNumber: PartNumber;
  /** The exact size of the part in bytes, which is always bound. */
  readonly size: ByteSize;
  /** The checksum of the part, always bound if present. */
  readonly checksum?: Checksum | undefined;
}

/**
 * The properties that a GET is bound to. Other headers that a URL can set for the answer are set
 * too, so that none of the upload is served: `Cache-Control` is `private, max-age=` and the
 * lifetime in seconds, `Content-Encoding` is `identity`.
 */
export interface GetRequest extends ObjectRequest {
  /** The `Content-Type` of the answer, whatever type is stored. */
  readonly responseMediaType: MediaType;
  /** The `Content-Disposition` of the answer, complete: RFC 6266, in ASCII. */
  readonly responseDisposition: string;
  /** The version or generation of the object, as `head` returned it; the newest if undefined. */
  readonly version?: string | undefined;
  /** True for the file of an upload that is being granted: no store has it yet. */
  readonly isNew?: boolean | undefined;
  /**
   * Dates the signature to the beginning of a window of this length, counted from 1970; `expiresAt`
   * counts from there too. Within a window the same request has the same URL.
   */
  readonly window?: Duration.Duration | undefined;
}

/** A request that its holder can make until `expiresAt`, and no other request. */
export interface SignedRequest {
  readonly method: "GET" | "PUT";
  readonly url: string;
  /**
   * Headers that the client must set itself: of a PUT always `Content-Type`, and never
   * `Content-Length` or `Host`; of a part its checksum alone; of a GET none.
   */
  readonly headers: Readonly<Record<string, string>>;
  /** The end of the lifetime, or of the credentials that signed it, if that is sooner. */
  readonly expiresAt: DateTime.Utc;
}

/** A signed PUT. */
export interface SignedPut extends SignedRequest {
  /** True if the store accepts the PUT only once. Otherwise a confirmed upload can still change. */
  readonly isOnce: boolean;
}

/**
 * Signs requests that the store itself enforces. With credentials at hand, signing makes no network
 * call unless `isRemote`. The time comes from Effect's `Clock`. See docs/adapters.md.
 */
export class Presigner extends Context.Service<
  Presigner,
  {
    /** Signs a PUT that the store accepts only as granted. */
    readonly put: (request: PutRequest) => Effect.Effect<SignedPut, CredentialsUnavailable>;
    /** Signs a GET that sets the headers of its answer. */
    readonly get: (request: GetRequest) => Effect.Effect<SignedRequest, CredentialsUnavailable>;
    /** For `multipart`: signs a PUT of one part, with a key that cannot read if there is one. */
    readonly part?: (request: PartRequest) => Effect.Effect<SignedRequest, CredentialsUnavailable>;
    /**
     * Signs cookies that open all objects whose names begin with `prefix`, until `end`: for a CDN
     * that takes them. `prefix` of the answer is the beginning of their addresses.
     */
    readonly cookies?: (
      prefix: string,
      end: DateTime.Utc,
    ) => { readonly prefix: string; readonly cookies: Readonly<Record<string, string>> };
    /** True if each signature is a network call, so that two are better made at once. */
    readonly isRemote: boolean;
    /** The address before the keys of public files, if a CDN or the bucket itself serves them. */
    readonly publicRoot?: string | undefined;
    /** The origin of the store for browsers: scheme, host and port, as `URL` writes them. */
    readonly publicOrigin: string;
  }
>()("valetkey/Presigner") {}
