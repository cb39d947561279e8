import * as Layer from "effect/Layer";
import type { Abilities, StoreLimits } from "../../application/ports/abilities.ts";
import { Limiter } from "../../application/ports/limiter.ts";
import type { ObjectStore } from "../../application/ports/object-store.ts";
import type { Presigner } from "../../application/ports/presigner.ts";
import { guarded } from "../../application/store/guarded-store.ts";
import type { StoreUnavailable } from "../../domain/errors.ts";
import type { SharedLimiter } from "../limits/layer.ts";
import { S3_LIMITS } from "../storage/known.ts";
import type { Storage as Store } from "../storage/storage.ts";
import { SharedCount, Storage } from "./arguments.ts";
import { orThrow } from "./options.ts";

// For Effect applications: the ports, the service over them, the signer, and layers.
export { Audit, type AuditEvent } from "../../application/ports/audit.ts";
export * from "../../application/ports/authenticator.ts";
export * from "../../application/ports/image-server.ts";
export * from "../../application/ports/limiter.ts";
export * from "../../application/ports/object-store.ts";
export * from "../../application/ports/on-confirmed.ts";
export * from "../../application/ports/organizations.ts";
export * from "../../application/ports/policies.ts";
export * from "../../application/ports/presigner.ts";
export type * from "../../application/ports/scoped-credentials.ts";
export * from "../../application/ports/abilities.ts";
export * from "../../application/ports/stores.ts";
export * from "../../application/ports/tokens.ts";

// The use cases that docs/embedding.md composes, and the types of the ports.
export { admit } from "../../application/admit.ts";
export { confirmUpload } from "../../application/uploads/confirm-upload.ts";
export { requestUpload } from "../../application/uploads/request-upload.ts";
export { ByteSize } from "../../domain/byte-size.ts";
export {
  CredentialsUnavailable,
  IdentityUnavailable,
  LimitsUnavailable,
  ObjectUnreadable,
  OrganizationNotFound,
  QuotaExceeded,
  RateLimited,
  StoreUnavailable,
  Unauthenticated,
} from "../../domain/errors.ts";
export { FileName } from "../../domain/file-name.ts";
export { FilePath } from "../../domain/file-path.ts";
export { MediaType } from "../../domain/media-type.ts";
export { OrganizationId, OrganizationSlug } from "../../domain/organization.ts";
export { DEFAULT_SCOPES, type Principal } from "../../domain/principal.ts";
export { type Place, StoreName } from "../../domain/place.ts";
export { StorageKey } from "../../domain/storage-key.ts";
export { DEFAULT_POLICY, defaultPolicy, type UploadPolicy } from "../../domain/upload-policy.ts";

// The adapters.
export { layer as auditTo } from "../telemetry/audit.ts";
export { layer as limiterInMemory } from "../limits/memory.ts";
export { layer as contentDetector } from "../content/content-detector.ts";
export { layer as random } from "../tokens/random.ts";
export { type TokenKey, tokensOf } from "../tokens/tokens.ts";

// For adapters of stores with Signature Version 4: see docs/adapters.md.
export { AWS4_HMAC_SHA256, GOOG4_HMAC_SHA256 } from "../storage/signing/algorithms.ts";
export { s3Binding, s3Overrides, s3PartBinding } from "../storage/signing/binding.ts";
export { bucketAddress, type BucketAddress } from "../storage/signing/bucket-address.ts";
export { always } from "../storage/credentials/held.ts";
export { factsIn } from "../storage/rest/object-facts.ts";
export { signWith } from "../storage/signing/signer.ts";
export { urlPresigner } from "../storage/signing/url-presigner.ts";

// HTTP.
export { type AppOptions, makeApp } from "../http/app/app.ts";
export type { Mount, Services } from "../http/options.ts";
export type { Peer } from "../http/env.ts";

/**
 * Returns the store of `minio({…})` or of another store's function. Only the embedded store needs
 * `publicUrl`; once its layer is built, its `fetch` answers under `/store` there.
 */
export function storageAt(storage: Storage, publicUrl = new URL("http://127.0.0.1:8787")): Store {
  return orThrow("storageAt()", Storage.open(storage))(publicUrl);
}

/** Returns the ports alone of such a store. */
export const layerOf = (
  storage: Storage,
  publicUrl?: URL,
): Layer.Layer<Presigner | ObjectStore, StoreUnavailable> =>
  guarded(storageAt(storage, publicUrl).layer);

/**
 * Counts for several processes, in the Redis of `redis({…})`. While it does not answer, `spare`
 * counts; without `spare`, requests are refused.
 */
export const limiterIn = (
  count: SharedCount,
  options: Parameters<SharedLimiter>[0],
): Layer.Layer<Limiter> =>
  Layer.effect(Limiter, orThrow("limiterIn()", SharedCount.open(count)).limiter(options));

/** A store that the host implements, and its abilities. */
export interface OwnStore {
  readonly layer: Layer.Layer<Presigner | ObjectStore, StoreUnavailable>;
  /** The abilities of its `ObjectStore`; a policy that needs another is refused at startup. */
  readonly abilities: Abilities;
  /** The limits of Amazon S3 if left out. */
  readonly limits?: StoreLimits;
  /** Names the store in messages, such as `Garage at http://127.0.0.1:3900`. */
  readonly description?: string;
}

/** Makes the store for `createValetkey` of a store that the host implements. */
export const storageOf = (store: OwnStore): Storage =>
  new Storage(() => ({ description: "a store of the host's own", limits: S3_LIMITS, ...store }));
