import type * as Arr from "effect/Array";
import type { Member } from "../../application/admit.ts";
import { InvalidReceipt } from "../../domain/errors.ts";
import { type MemberFault, MISSING } from "../json/decode.ts";
import type { Note } from "./decisions.ts";
import { InvalidBody } from "./refusals.ts";

/** A request for an organization's files, by a caller who was let in. */
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

/** Why a body that holds a receipt is refused: one of another type is no receipt either. */
export function receiptRefusal(
  faults: Arr.NonEmptyReadonlyArray<MemberFault>,
): InvalidReceipt | InvalidBody {
  const [{ pointer, reason }] = faults;
  return pointer === "/receipt" && reason !== MISSING
    ? new InvalidReceipt()
    : new InvalidBody({ faults });
}
