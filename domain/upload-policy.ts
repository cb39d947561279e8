import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { type ByteSize, mebibytes } from "./byte-size.ts";
import { FileTooLarge, MediaTypeNotAllowed } from "./errors.ts";
import type { FileName } from "./file-name.ts";
import { Lifetime } from "./lifetime.ts";
import { essence, type MediaType } from "./media-type.ts";

/** A media type, or all subtypes of one (`image/*`), in lower case and without parameters. */
export const AllowedType = Schema.String.check(
  Schema.isPattern(/^[a-z0-9][a-z0-9!#$&^_.+-]*\/(?:\*|[a-z0-9][a-z0-9!#$&^_.+-]*)$/),
).pipe(Schema.brand("AllowedType"));
export type AllowedType = typeof AllowedType.Type;

/** What may be uploaded, and how long the URLs for it work. */
export interface UploadPolicy {
  /** The largest file, in bytes. */
  readonly maxSize: ByteSize;
  readonly allowedTypes: ReadonlyArray<AllowedType>;
  readonly putLifetime: Lifetime;
  readonly getLifetime: Lifetime;
  /** The store accepts one PUT under a key and refuses every later one. */
  readonly writeOnce: boolean;
}

/** What a caller asks to upload. */
export interface UploadRequest {
  readonly fileName: FileName;
  readonly mediaType: MediaType;
  readonly size: ByteSize;
}

/** The domain's yes to one upload: what is signed, and for how long. */
export interface UploadGrant extends UploadRequest {
  readonly putLifetime: Lifetime;
  readonly getLifetime: Lifetime;
  readonly writeOnce: boolean;
}

/** 10 MiB of images, PDF or plain text; 15 minutes to upload, 24 hours to read. */
export const defaultPolicy: UploadPolicy = {
  maxSize: mebibytes(10),
  allowedTypes: [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "application/pdf",
    "text/plain",
  ].map((type) => AllowedType.make(type)),
  putLifetime: Lifetime.make(Duration.minutes(15)),
  getLifetime: Lifetime.make(Duration.hours(24)),
  writeOnce: false,
};

/** Grants an upload that the policy allows; fails with the limit that it would break. */
export function authorize(
  policy: UploadPolicy,
  request: UploadRequest,
): Effect.Effect<UploadGrant, FileTooLarge | MediaTypeNotAllowed> {
  if (!allows(policy.allowedTypes, request.mediaType)) {
    return Effect.fail(
      new MediaTypeNotAllowed({ actual: request.mediaType, allowed: policy.allowedTypes }),
    );
  }
  if (request.size > policy.maxSize) {
    return Effect.fail(new FileTooLarge({ limit: policy.maxSize, actual: request.size }));
  }
  const { putLifetime, getLifetime, writeOnce } = policy;
  return Effect.succeed({ ...request, putLifetime, getLifetime, writeOnce });
}

function allows(allowedTypes: ReadonlyArray<AllowedType>, mediaType: MediaType): boolean {
  const type = essence(mediaType);
  return allowedTypes.some((allowed) =>
    allowed.endsWith("/*") ? type.startsWith(allowed.slice(0, -1)) : type === allowed,
  );
}
