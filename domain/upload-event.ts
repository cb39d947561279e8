import * as Schema from "effect/Schema";
import { ByteSize } from "./byte-size.ts";
import { Checksum } from "./checksum.ts";
import { FileName } from "./file-name.ts";
import { FilePath } from "./file-path.ts";
import { MediaType } from "./media-type.ts";
import { Metadata } from "./metadata.ts";
import { OrganizationId } from "./organization.ts";
import { StorageKey } from "./storage-key.ts";
import { UploadDifference } from "./upload-difference.ts";
import { Threshold } from "./usage-threshold.ts";

const about = <A, I>(description: string, schema: Schema.Codec<A, I>) =>
  schema.annotate({ description });

const file = { key: StorageKey, organization: OrganizationId };

const grant = {
  ...file,
  subject: about("Who was granted the upload.", Schema.String),
  policy: Schema.String,
  filename: FileName,
  path: Schema.optionalKey(FilePath),
  size: about("As it was granted, in bytes.", ByteSize),
  contentType: MediaType,
  checksum: Schema.optionalKey(Checksum),
  metadata: Schema.optionalKey(Metadata),
  grantedAt: Schema.DateTimeUtcFromString.pipe(
    Schema.annotateEncoded({ format: "date-time", description: "When the upload was granted." }),
  ),
};

/** The facts that each type of event has, as a receiver reads them. */
export const EVENTS = {
  "upload.confirmed": Schema.Struct({
    ...grant,
    size: about("In bytes.", ByteSize),
    etag: about("As the store writes it.", Schema.String),
    version: Schema.optionalKey(Schema.String),
    final: about("Whether the file can no longer change.", Schema.Boolean),
  }).annotate({
    identifier: "ConfirmedEvent",
    description: "A file arrived as it was granted, and may be used.",
  }),
  "upload.mismatched": Schema.Struct({
    ...grant,
    differences: Schema.Array(UploadDifference),
  }).annotate({
    identifier: "MismatchedEvent",
    description: "Something else arrived than was granted. Do not use it.",
  }),
  "upload.refused_by_scan": Schema.Struct({
    ...grant,
    finding: about("The finding of the scan, or why there was none.", Schema.String),
  }).annotate({
    identifier: "RefusedByScanEvent",
    description: "The scan did not find the upload clean. Nobody can read it.",
  }),
  "upload.expired": Schema.Struct({
    ...file,
    size: Schema.optionalKey(about("What arrived, in bytes.", Schema.Natural)),
  }).annotate({
    identifier: "ExpiredEvent",
    description: "An upload that nobody confirmed in time was removed.",
  }),
  "upload.removed": Schema.Struct({
    ...file,
    subject: about("Who removed it.", Schema.String),
    size: Schema.optionalKey(about("In bytes, where it was known.", Schema.Natural)),
  }).annotate({
    identifier: "RemovedEvent",
    description: "A file is not there any more, or never was.",
  }),
  "usage.threshold": Schema.Struct({
    organization: OrganizationId,
    subject: Schema.optionalKey(about("Whose own limit it is.", Schema.String)),
    percent: about("What was reached, of the limit.", Threshold),
    files: about("What is stored.", Schema.Natural),
    bytes: about("What is stored.", Schema.Natural),
    limit: about("In bytes.", Schema.Natural),
  }).annotate({
    identifier: "ThresholdEvent",
    description: "The stored bytes have reached a part of their limit.",
  }),
} as const;

export type EventType = keyof typeof EVENTS;

export type UploadEvent = {
  readonly [Type in EventType]: {
    readonly type: Type;
    readonly data: (typeof EVENTS)[Type]["Type"];
    /** The organization's name in addresses; unknown when uploads are removed by age. */
    readonly slug?: string;
    /** Tells events of equal data apart: a threshold can be reached again. */
    readonly occurrence?: string;
  };
}[EventType];
