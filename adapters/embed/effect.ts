// The package as Effect applications import it: the rules, the use cases and their ports as they
// are, layers for the adapters, and the HTTP application.

export {
  makeReadinessCheck,
  type PartState,
  type Readiness,
} from "../../application/check-readiness.ts";
export { admit, type Admission, type Member } from "../../application/admit.ts";
export * from "../../application/ports/audit.ts";
export * from "../../application/ports/authenticator.ts";
export * from "../../application/ports/limiter.ts";
export * from "../../application/ports/object-store.ts";
export * from "../../application/ports/organizations.ts";
export * from "../../application/ports/policies.ts";
export * from "../../application/ports/presigner.ts";
export * from "../../application/ports/tokens.ts";
export { confirmUpload } from "../../application/confirm-upload.ts";
export * from "../../application/ports/on-confirmed.ts";
export { followLink } from "../../application/follow-link.ts";
export { makeLink } from "../../application/make-link.ts";
export { openFile } from "../../application/open-file.ts";
export { requestUpload } from "../../application/request-upload.ts";
export { ByteSize, mebibytes } from "../../domain/byte-size.ts";
export * from "../../domain/errors.ts";
export * from "../../domain/limits.ts";
export { FileName } from "../../domain/file-name.ts";
export { Lifetime } from "../../domain/lifetime.ts";
export { MediaType } from "../../domain/media-type.ts";
export { OrganizationId, OrganizationSlug } from "../../domain/organization.ts";
export * from "../../domain/principal.ts";
export { StorageKey } from "../../domain/storage-key.ts";
export {
  AllowedType,
  defaultPolicy,
  type UploadGrant,
  type UploadPolicy,
  type UploadRequest,
} from "../../domain/upload-policy.ts";
export { type AppOptions, makeApp } from "../http/app.ts";
export { type Services } from "../http/decisions.ts";
export { layer as limiterInMemory } from "../limits/memory.ts";
export { type Mount } from "../http/mounts.ts";
export { unmounted } from "../http/mounts.ts";
export { layerOf, storageOf, type OwnStore } from "./layers.ts";
export { layer as random } from "../random/layer.ts";
