import * as Duration from "effect/Duration";
import type { GetRequest, PutRequest } from "../../../application/ports/presigner.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { Lifetime } from "../../../domain/lifetime.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { OrganizationId } from "../../../domain/organization.ts";
import { format, type StorageKey } from "../../../domain/storage-key.ts";

/** The uploaded bytes, which are neither text nor of a round length. */
export const CONTENT: Uint8Array = Uint8Array.from({ length: 100_003 }, (_, i) => (i * 31) & 0xff);
/** Other bytes of the same size. */
export const OTHER: Uint8Array = CONTENT.map((byte) => byte ^ 1);
/** The same bytes and one more. */
export const LONGER: Uint8Array = Buffer.concat([CONTENT, new Uint8Array(1)]);
export const PNG: MediaType = MediaType.make("image/png");
/** Headers that a client may add to a PUT unsigned, where stores keep them. */
export const EXTRA_HEADERS = {
  "Content-Encoding": "gzip",
  "Cache-Control": "public, max-age=31536000",
  "Content-Disposition": "inline; filename=evil.html",
} as const;
const MINUTE = Lifetime.make(Duration.minutes(1));

/** A key without an object. */
export const newKey = (): StorageKey =>
  format({
    organization: OrganizationId.make("acme"),
    year: 2026,
    month: 11,
    uuid: crypto.randomUUID(),
    extension: ".png",
  });

const requestOf = (key: StorageKey) =>
  ({ key, lifetime: MINUTE, minLifetime: MINUTE, audience: "public" }) as const;

/** A PUT of `CONTENT` as a PNG for browsers, within a minute. */
export const putRequest = (key = newKey()): PutRequest => ({
  ...requestOf(key),
  mediaType: PNG,
  size: ByteSize.make(CONTENT.length),
  writeOnce: false,
  strict: false,
});

/** A GET of the same, to be shown in place. */
export const getRequest = (key: StorageKey): GetRequest => ({
  ...requestOf(key),
  responseMediaType: PNG,
  responseDisposition: "inline",
});
