import type * as Arr from "effect/Array";
import * as Schema from "effect/Schema";
import type { Member } from "../../application/admit.ts";
import { InvalidReceipt } from "../../domain/errors.ts";
import { type MemberFault, MISSING } from "../settings/decode.ts";
import type { Note } from "./decisions.ts";
import { InvalidBody } from "./refusals.ts";

/** A receipt or a link, as clients know it. */
export const Token = Schema.String.annotate({
  identifier: "Token",
  description: "Sealed by the service; its content is not for clients.",
  pattern: "^v1\\.[a-z0-9-]{1,32}\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]{43}$",
  examples: ["v1.k1.eyJrIjoib3Jncy9vcmdfMS9maWxlcyJ9.qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq8"],
});

/** A request for an organization's files, by a caller who was admitted. */
export interface Operation {
  readonly member: Member;
  /** The organization's name in the address. */
  readonly slug: string;
  /** Parsed JSON. */
  readonly body: unknown;
  /** The header of that name, as it was sent. */
  readonly idempotencyKey: string | null;
  /** How clients reach the service; without a path. */
  readonly publicUrl: URL;
  readonly note: Note;
}

/** Why a body with a receipt is refused; a receipt that is not a string is an invalid receipt. */
export function receiptRefusal(
  faults: Arr.NonEmptyReadonlyArray<MemberFault>,
): InvalidReceipt | InvalidBody {
  const [{ pointer, reason }] = faults;
  return pointer === "/receipt" && reason !== MISSING
    ? new InvalidReceipt()
    : new InvalidBody({ faults });
}
