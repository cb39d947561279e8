import * as Effect from "effect/Effect";
import type { UploadMismatch, UploadRefusedByScan } from "../domain/errors.ts";
import type { Receipt } from "../domain/receipt.ts";
import type { UploadEvent } from "../domain/upload-event.ts";
import type { Member } from "./admit.ts";
import { Events } from "./ports/events.ts";

/** Publishes an event, which is made only if events are on. */
export const publish = (event: () => UploadEvent) =>
  Effect.flatMap(Events, (events) => events?.publish(event()) ?? Effect.void);

type GrantFacts = Pick<
  Receipt,
  | "key"
  | "organization"
  | "subject"
  | "policy"
  | "filename"
  | "path"
  | "size"
  | "contentType"
  | "checksum"
  | "metadata"
  | "issuedAt"
>;

/** The facts of a grant that events repeat. */
export const grantFacts = (granted: GrantFacts) => ({
  key: granted.key,
  organization: granted.organization,
  subject: granted.subject,
  policy: granted.policy,
  filename: granted.filename,
  ...(granted.path !== undefined && { path: granted.path }),
  size: granted.size,
  contentType: granted.contentType,
  ...(granted.checksum !== undefined && { checksum: granted.checksum }),
  ...(granted.metadata !== undefined && { metadata: granted.metadata }),
  grantedAt: granted.issuedAt,
});

/** Publishes, before the client is answered, that an upload will never be as granted. */
export const publishRefusal =
  ({ slug }: Member, granted: GrantFacts) =>
  (refusal: UploadMismatch | UploadRefusedByScan) =>
    publish(() => {
      const facts = grantFacts(granted);
      return refusal._tag === "UploadMismatch"
        ? {
            type: "upload.mismatched",
            slug,
            data: { ...facts, differences: refusal.differences },
          }
        : {
            type: "upload.refused_by_scan",
            slug,
            data: { ...facts, finding: refusal.finding },
          };
    });
