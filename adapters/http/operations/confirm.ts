import * as DateTime from "effect/DateTime";
import type * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { confirmUpload } from "../../../application/uploads/confirm-upload.ts";
import type { ConfirmedUpload as Arrived } from "../../../application/ports/on-confirmed.ts";
import { fileAddress } from "../addresses.ts";
import { type OperationContext, FILES, operation } from "./operation.ts";
import { presentGet } from "./presign.ts";
import { presentPublic } from "./public-file.ts";
import { confirmed, RECEIPT, Token } from "./schemas.ts";

export const ConfirmedUpload = Schema.Struct(confirmed).annotate({
  identifier: "ConfirmedUpload",
  description: "`checksum` is there only if the store itself has verified it.",
});

/** Converts an arrived file to plain data, without its addresses. */
export const presentArrived = (file: Omit<Arrived, "organization" | "subject">) => ({
  key: file.key,
  filename: file.filename,
  ...(file.path !== undefined && { path: file.path }),
  size: file.size,
  contentType: file.contentType,
  etag: file.etag,
  ...(file.version !== undefined && { version: file.version }),
  ...(file.checksum !== undefined && { checksum: file.checksum }),
  ...(file.metadata !== undefined && { metadata: file.metadata }),
  final: file.final,
  ...(!file.final && { mutableUntil: DateTime.toDate(file.mutableUntil) }),
});

export const presentConfirmed = (
  file: Effect.Success<ReturnType<typeof confirmUpload>>,
  asking: OperationContext,
) => ({
  ...presentArrived(file),
  ...(file.serverData !== undefined && { serverData: file.serverData }),
  ...presentGet(file),
  fileUrl: fileAddress(asking.publicUrl, asking.member.slug, file),
  ...presentPublic(file.key, asking),
});

/** The refusals of an operation on an upload that must be as granted. */
export const CONFIRM_REFUSALS = {
  OrganizationNotFound: true,
  UploadIncomplete: true,
  UploadMismatch: true,
  UploadPending: true,
  UploadRefusedByScan: true,
  ScannerUnavailable: true,
  EventsUnavailable: true,
  LimitsUnavailable: true,
  StoreUnavailable: true,
  CredentialsUnavailable: true,
} as const;

export const confirmOperation = operation({
  action: "confirm",
  methods: ["POST"],
  path: `${FILES}/confirm`,
  scope: "confirm",
  text: {
    operationId: "confirm",
    summary: "Confirm that the file arrived as it was granted",
    description:
      "A receipt works for the caller it was given to, and for services, until a day after the upload URL stops working.",
    examples: { upload: { receipt: RECEIPT } },
    answers: "The file is there, as it was granted.",
  },
  input: Schema.Struct({ receipt: Token }).annotate({ identifier: "Confirmation" }),
  run: ({ member }, { receipt }) => confirmUpload({ member, receipt }),
  output: ConfirmedUpload,
  present: presentConfirmed,
  refusals: { InvalidReceipt: true, ...CONFIRM_REFUSALS },
});
