import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import type { AuditedFacts } from "../../../application/ports/audit.ts";
import type { SignedRequest } from "../../../application/ports/presigner.ts";
import { requestUpload } from "../../../application/uploads/request-upload.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { Checksum } from "../../../domain/checksum.ts";
import { FileName } from "../../../domain/file-name.ts";
import { FilePath } from "../../../domain/file-path.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { Metadata } from "../../../domain/metadata.ts";
import { StorageKey } from "../../../domain/storage-key.ts";
import { DEFAULT_POLICY, POLICY_NAME } from "../../../domain/upload-policy.ts";
import { isoText } from "../../values/time.ts";
import { FILES, operation, type OperationContext } from "./operation.ts";
import { presentPublic } from "./public-file.ts";
import { download, instant, publicUrl, PUT_URL, Token, url } from "./schemas.ts";

export const GRANT_REFUSALS = {
  UnknownPolicy: true,
  PolicyNotAllowed: true,
  FileTooLarge: true,
  MediaTypeNotAllowed: true,
  ChecksumNotSupported: true,
  QuotaExceeded: true,
  StorageFull: true,
  TooManyOpenUploads: true,
  LimitsUnavailable: true,
} as const;

export const fileFields = {
  filename: FileName,
  path: Schema.optionalKey(FilePath),
  contentType: MediaType,
  size: ByteSize,
  checksum: Schema.optionalKey(Checksum),
  metadata: Schema.optionalKey(Metadata),
  policy: Schema.optionalKey(
    Schema.String.annotate({
      description: "The name of a policy; `files` if left out.",
      // Not checked here: any other name is an unknown policy.
      pattern: POLICY_NAME.source,
      examples: ["files"],
    }),
  ),
};

export const UploadRequest = Schema.Struct({
  ...fileFields,
  strict: Schema.optionalKey(
    Schema.Boolean.annotate({
      // Not a default: generated clients would send it.
      description:
        "Binds everything that the store can enforce; the PUT has to carry all of `putHeaders`. False if left out.",
    }),
  ),
}).annotate({ identifier: "UploadRequest" });

export const Upload = Schema.Struct({
  putUrl: url("Where to PUT the file.", PUT_URL),
  putHeaders: Schema.Record(Schema.String, Schema.String).annotate({
    description: "The headers that the PUT must carry.",
    examples: [{ "Content-Type": "image/png" }],
  }),
  putExpiresAt: instant("When `putUrl` stops working.", "2026-11-24T12:15:00.000Z"),
  ...download,
  publicUrl,
  key: StorageKey,
  receipt: Token,
}).annotate({ identifier: "Upload", description: "A granted upload." });

export const PLAIN = { filename: "a.png", content_type: "image/png", size: 5 };

/** Returns the facts of a requested upload for the audit, without the names of unknown policies. */
export const requestFacts = ({
  size,
  contentType,
  policy = DEFAULT_POLICY,
  metadata,
  path,
}: typeof UploadRequest.Type): AuditedFacts => {
  const named = POLICY_NAME.test(policy) ? policy : undefined;
  return { size, contentType, policy: named, metadata, path };
};

type PresignedUpload = Effect.Success<ReturnType<typeof requestUpload>>;

export const presentGet = ({ get }: { readonly get: SignedRequest }) => ({
  getUrl: get.url,
  getExpiresAt: DateTime.toDate(get.expiresAt),
});

export const presentUpload = (granted: PresignedUpload, asking: OperationContext) => ({
  key: granted.key,
  putUrl: granted.put.url,
  putHeaders: granted.put.headers,
  putExpiresAt: DateTime.toDate(granted.put.expiresAt),
  ...presentGet(granted),
  ...presentPublic(granted.key, asking),
  receipt: granted.receipt,
});

/**
 * Writes the same on the wire. By hand, since the general naming of members and writing of dates
 * costs as much as a signature.
 */
export const encodeUpload = (
  { key, put, get, receipt }: PresignedUpload,
  { publicAddress }: OperationContext,
) => ({
  put_url: put.url,
  get_url: get.url,
  // JSON leaves it out if it is undefined.
  public_url: publicAddress?.(key),
  put_headers: put.headers,
  put_expires_at: isoText(put.expiresAt.epochMilliseconds),
  get_expires_at: isoText(get.expiresAt.epochMilliseconds),
  key,
  receipt,
});

export const presignOperation = operation({
  action: "presign",
  methods: ["POST"],
  path: `${FILES}/presign`,
  scope: "write",
  text: {
    operationId: "presign",
    summary: "Ask to upload a file",
    description:
      "The answer has a URL to PUT exactly this file to, with all of `putHeaders`, and a URL that shows the file once it is there. Both are secrets until they expire. Then confirm the upload.",
    examples: {
      plain: PLAIN,
      bound: {
        ...PLAIN,
        policy: "files",
        strict: true,
        checksum: { algorithm: "sha256", value: "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=" },
      },
    },
    answers: "The upload is granted.",
  },
  input: UploadRequest,
  facts: requestFacts,
  run: ({ member }, upload) => requestUpload({ member, upload }),
  output: Upload,
  present: presentUpload,
  encode: encodeUpload,
  refusals: {
    ...GRANT_REFUSALS,
    AnnouncementTooLong: true,
    ChecksumRequired: true,
    CredentialsUnavailable: true,
  },
});
