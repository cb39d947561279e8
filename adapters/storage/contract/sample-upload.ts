import * as Duration from "effect/Duration";
import type { PutRequest } from "../../../application/ports/presigner.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { Lifetime } from "../../../domain/lifetime.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { OrganizationId } from "../../../domain/organization.ts";
import { format, type StorageKey } from "../../../domain/storage-key.ts";

/** The uploaded bytes, which are neither text nor of a round length. */
export const CONTENT: Uint8Array = Uint8Array.from({ length: 100_003 }, (_, i) => (i * 31) & 0xff);
export const PNG: MediaType = MediaType.make("image/png");
export const MINUTE: Lifetime = Lifetime.make(Duration.minutes(1));

/** A key without an object. */
export const newKey = (): StorageKey =>
  format({
    organization: OrganizationId.make("acme"),
    year: 2026,
    month: 11,
    uuid: crypto.randomUUID(),
    extension: ".png",
  });

/** A PUT of `CONTENT` as a PNG for browsers, within a minute. */
export const putRequest = (key = newKey()): PutRequest => ({
  key,
  mediaType: PNG,
  size: ByteSize.make(CONTENT.length),
  writeOnce: false,
  strict: false,
  lifetime: MINUTE,
  minLifetime: MINUTE,
  audience: "public",
});
