// For Effect applications: the ports, the service over them, the signer, and layers.
export { Audit, type AuditEvent } from "../../application/ports/audit.ts";
export * from "../../application/ports/authenticator.ts";
export * from "../../application/ports/limiter.ts";
export * from "../../application/ports/object-store.ts";
export * from "../../application/ports/on-confirmed.ts";
export * from "../../application/ports/organizations.ts";
export * from "../../application/ports/policies.ts";
export * from "../../application/ports/presigner.ts";
export * from "../../application/ports/store-capabilities.ts";
export * from "../../application/ports/tokens.ts";

// The use cases that docs/embedding.md composes, and the rules that ports speak in.
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
export { MediaType } from "../../domain/media-type.ts";
export { OrganizationId, OrganizationSlug } from "../../domain/organization.ts";
export { DEFAULT_SCOPES, type Principal } from "../../domain/principal.ts";
export { StorageKey } from "../../domain/storage-key.ts";
export { DEFAULT_POLICY, defaultPolicy, type UploadPolicy } from "../../domain/upload-policy.ts";

// The adapters.
export { layer as auditTo } from "../telemetry/audit.ts";
export { layer as limiterInMemory } from "../limits/memory.ts";
export { layer as contentDetector } from "../content/content-detector.ts";
export { layer as random } from "../tokens/random.ts";
export { type TokenKey, tokensOf } from "../tokens/tokens.ts";
export { layerOf, limiterIn, type OwnStore, storageAt, storageOf } from "./layers.ts";

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
