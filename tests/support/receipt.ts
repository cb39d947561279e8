import * as DateTime from "effect/DateTime";
import { ByteSize } from "../../domain/byte-size.ts";
import { FileName } from "../../domain/file-name.ts";
import { MediaType } from "../../domain/media-type.ts";
import { OrganizationId } from "../../domain/organization.ts";
import type { Receipt } from "../../domain/receipt.ts";
import { StorageKey } from "../../domain/storage-key.ts";

const now = DateTime.makeUnsafe(0);

/** A receipt of an image that waits below `incoming/`. */
export const waitingReceipt = (kind: "png" | "gif", size: number): Receipt => ({
  key: StorageKey.make(`orgs/acme/files/2026/11/00000000-0000-4000-8000-000000000000.${kind}`),
  filename: FileName.make(`a.${kind}`),
  contentType: MediaType.make(`image/${kind}`),
  size: ByteSize.make(size),
  policy: "files",
  subject: "member",
  organization: OrganizationId.make("acme"),
  writeOnce: false,
  incoming: true,
  issuedAt: now,
  putExpiresAt: now,
  confirmUntil: now,
});
