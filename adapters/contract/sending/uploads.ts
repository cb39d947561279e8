import * as Duration from "effect/Duration";
import type { GetRequest, PutRequest } from "../../../application/ports/presigner.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { FileName } from "../../../domain/file-name.ts";
import { Lifetime } from "../../../domain/lifetime.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { OrganizationId } from "../../../domain/organization.ts";
import { type ObjectKey, prefixFor, StorageKey } from "../../../domain/storage-key.ts";
import type { UploadRequest } from "../../../domain/upload-policy.ts";

/** The uploaded bytes, which are neither text nor of a round length. */
export const CONTENT: Uint8Array = Uint8Array.from({ length: 100_003 }, (_, i) => (i * 31) & 0xff);
/** Other bytes of the same size. */
export const OTHER: Uint8Array = CONTENT.map((byte) => byte ^ 1);
export const LONGER: Uint8Array = Buffer.concat([CONTENT, new Uint8Array(1)]);
export const SHORTER: Uint8Array = CONTENT.subarray(1);
export const PNG: MediaType = MediaType.make("image/png");

/** A client's request to upload `CONTENT` as a PNG. */
export const UPLOAD: UploadRequest = {
  filename: FileName.make("é.png"),
  contentType: PNG,
  size: ByteSize.make(CONTENT.length),
  strict: false,
};

/** Begins the names of the organizations of examinations. */
export const ORGANIZATIONS = "certify-";
/** That of this process alone, so that what is left of one that was killed is found by its name. */
export const ORGANIZATION: OrganizationId = OrganizationId.make(
  `${ORGANIZATIONS}${crypto.randomUUID().slice(0, 8)}`,
);

/** A key without an object. */
export const newKey = (organization = ORGANIZATION): StorageKey =>
  StorageKey.make(`${prefixFor(organization)}files/2026/11/${crypto.randomUUID()}.png`);

export const MINUTE = Lifetime.make(Duration.minutes(1));
/** Much longer than a request takes on a busy machine. */
const HOUR = Lifetime.make(Duration.hours(1));
const objectRequest = (key: ObjectKey) =>
  ({ key, lifetime: HOUR, minLifetime: MINUTE, audience: "public" }) as const;

/** A PUT of `CONTENT` as a PNG for browsers, within an hour. */
export const putRequest = (key: ObjectKey = newKey()): PutRequest => ({
  ...objectRequest(key),
  contentType: PNG,
  size: UPLOAD.size,
  writeOnce: false,
  strict: false,
});

/** A GET of the same, to be shown in place. */
export const getRequest = (key: ObjectKey): GetRequest => ({
  ...objectRequest(key),
  responseMediaType: PNG,
  responseDisposition: "inline",
});
