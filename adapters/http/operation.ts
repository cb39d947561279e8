import type * as Arr from "effect/Array";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import type { Principal } from "../../application/ports/authenticator.ts";
import { OrganizationNotFound } from "../../application/ports/organizations.ts";
import { InvalidReceipt } from "../../domain/errors.ts";
import { OrganizationSlug } from "../../domain/organization.ts";
import { type MemberFault, MISSING } from "../json/decode.ts";
import { InvalidBody } from "./refusals.ts";

/** A request for an organization's files, by a caller who is known. */
export interface Operation {
  readonly principal: Principal;
  /** As it stands in the address. */
  readonly slug: string;
  /** Parsed JSON. */
  readonly body: unknown;
  /** How clients reach the service; without a path. */
  readonly publicUrl: URL;
}

/** The organization that an address names; a name that none can have is one that does not exist. */
export const slugOf = (text: string): Effect.Effect<OrganizationSlug, OrganizationNotFound> =>
  Option.match(decode(text), {
    onNone: () => Effect.fail(new OrganizationNotFound()),
    onSome: Effect.succeed,
  });

const decode = Schema.decodeUnknownOption(OrganizationSlug);

/** Why a body that holds a receipt is refused: one of another type is no receipt either. */
export function receiptRefusal(
  faults: Arr.NonEmptyReadonlyArray<MemberFault>,
): InvalidReceipt | InvalidBody {
  const [{ pointer, reason }] = faults;
  return pointer === "/receipt" && reason !== MISSING
    ? new InvalidReceipt()
    : new InvalidBody({ faults });
}
