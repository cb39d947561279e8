import * as Effect from "effect/Effect";
import * as Predicate from "effect/Predicate";
import * as Record from "effect/Record";
import * as Schema from "effect/Schema";
import { admit } from "../../application/admit.ts";
import type { Scope } from "../../domain/principal.ts";
import { OPERATIONS } from "../http/routes.ts";
import type { Operation } from "../http/operations/operation.ts";
import { InvalidBody } from "../http/problems/refusals.ts";
import { principalFrom } from "./caller.ts";
import type { CallContext } from "./call-context.ts";

/** The calls of the package, as programs: operations with plain data for input and output. */
export const callsAt = (publicUrl: URL) =>
  Record.map(
    OPERATIONS as Readonly<Record<keyof typeof OPERATIONS, Operation>>,
    ({ scope, callWith }) =>
      ({ caller, organization, idempotencyKey, ...input }: CallContext & Repeatable) =>
        Effect.flatMap(admitCaller(caller, organization, scope), (member) =>
          callWith({
            asking: { member, publicUrl },
            input: withoutUndefined(input),
            idempotencyKey: () => parseIdempotencyKey(idempotencyKey),
          }),
        ),
  );

interface Repeatable {
  readonly idempotencyKey?: unknown;
}

const admitCaller = (caller: CallContext["caller"], slug: string, scope: Scope) =>
  Effect.flatMap(
    Effect.sync(() => principalFrom(caller)),
    (principal) => admit({ principal, slug, scope }),
  );

/** Unlike the header, the option may be any printable text. */
const isIdempotencyKey = Schema.is(
  Schema.String.check(Schema.isPattern(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,255}$/u)),
);

const parseIdempotencyKey = (key: unknown): Effect.Effect<string | undefined, InvalidBody> =>
  key === undefined || isIdempotencyKey(key)
    ? Effect.succeed(key)
    : Effect.fail(new InvalidBody({ faults: [NO_IDEMPOTENCY_KEY] }));

const NO_IDEMPOTENCY_KEY = {
  pointer: "/idempotencyKey",
  reason: "it is not text of 1 to 255 printable characters",
};

/** Plain data without the members that are undefined, at any depth. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (!Predicate.isObject(value)) return value;
  return Record.map(
    Record.filter(value, (member) => member !== undefined),
    withoutUndefined,
  );
}
