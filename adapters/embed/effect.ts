// For Effect applications. The use cases: programs whose requirements are ports.
export { abortMultipart } from "../../application/abort-multipart.ts";
export { admit, type Admission, type Member } from "../../application/admit.ts";
export {
  makeReadinessCheck,
  type PartState,
  type Readiness,
} from "../../application/check-readiness.ts";
export { completeMultipart } from "../../application/complete-multipart.ts";
export { confirmUpload } from "../../application/confirm-upload.ts";
export { followLink } from "../../application/follow-link.ts";
export {
  listPolicies,
  type MultipartOffer,
  type OfferedPolicy,
} from "../../application/list-policies.ts";
export { listParts } from "../../application/list-parts.ts";
export { makeLink } from "../../application/make-link.ts";
export { openFile } from "../../application/open-file.ts";
export { type RequestedForm, requestForm } from "../../application/request-form.ts";
export { requestUpload, requestUploads } from "../../application/request-upload.ts";
export { signParts, type PartToSign } from "../../application/sign-parts.ts";
export { startMultipart } from "../../application/start-multipart.ts";

// The ports.
export * from "../../application/ports/audit.ts";
export * from "../../application/ports/authenticator.ts";
export * from "../../application/ports/limiter.ts";
export * from "../../application/ports/object-store.ts";
export * from "../../application/ports/on-confirmed.ts";
export * from "../../application/ports/organizations.ts";
export * from "../../application/ports/policies.ts";
export * from "../../application/ports/presigner.ts";
export * from "../../application/ports/store-capabilities.ts";
export * from "../../application/ports/tokens.ts";

// The rules.
export { ByteSize, mebibytes } from "../../domain/byte-size.ts";
export { Checksum, type ChecksumAlgorithm } from "../../domain/checksum.ts";
export * from "../../domain/errors.ts";
export { FileName } from "../../domain/file-name.ts";
export { Lifetime } from "../../domain/lifetime.ts";
export * from "../../domain/limits.ts";
export { LinkLifetime } from "../../domain/link.ts";
export { MediaType } from "../../domain/media-type.ts";
export { OrganizationId, OrganizationSlug } from "../../domain/organization.ts";
export { PartNumber, type SentPart, type StoredPart } from "../../domain/multipart.ts";
export * from "../../domain/principal.ts";
export { StorageKey } from "../../domain/storage-key.ts";
export {
  AllowedType,
  type CallerKind,
  DEFAULT_POLICY,
  defaultPolicy,
  type RequestedUpload,
  type UploadGrant,
  type UploadPolicy,
  type UploadRequest,
} from "../../domain/upload-policy.ts";

// The adapters.
export { layer as auditTo } from "../telemetry/audit.ts";
export { layer as identity } from "../identity/layer.ts";
export type { IdentitySettings } from "../identity/settings.ts";
export { layer as limiterInMemory } from "../limits/memory.ts";
export { layer as random } from "../crypto/random.ts";
export { type TokenKey, tokensOf } from "../tokens/tokens.ts";
export { layerOf, limiterIn, type OwnStore, storageAt, storageOf } from "./layers.ts";

// For adapters of stores with Signature Version 4: see docs/adapters.md.
export { AWS4_HMAC_SHA256, GOOG4_HMAC_SHA256 } from "../storage/signing/algorithms.ts";
export { s3Binding, s3Overrides, s3PartBinding } from "../storage/signing/binding.ts";
export { bucketAddress, type BucketAddress } from "../storage/signing/bucket-address.ts";
export { always } from "../storage/credentials/held.ts";
export { factsIn } from "../storage/rest/object-facts.ts";
export { signWith } from "../storage/signing/signer.ts";
export { v4Presigner } from "../storage/signing/v4-presigner.ts";

// HTTP.
export { type AppOptions, makeApp } from "../http/app.ts";
export type { Mount, Services } from "../http/route.ts";
export type { Peer } from "../http/env.ts";
