import * as Effect from "effect/Effect";
import * as Predicate from "effect/Predicate";
import * as Record from "effect/Record";
import { admit } from "../../application/admit.ts";
import type { Scope } from "../../domain/principal.ts";
import { OPERATIONS } from "../http/app/routes.ts";
import type { Operation } from "../http/operations/operation.ts";
import { CALLS } from "../http/problems/language.ts";
import { problemFrom, type Refusal } from "../http/problems/problem.ts";
import { principalFrom } from "./caller.ts";
import type { ValetkeyError } from "./operations.ts";
import type { CallContext } from "./call-context.ts";

/** The calls of the package, as programs: operations with plain data for input and output. */
export const callsAt = (publicUrl: URL) =>
  Record.map(
    OPERATIONS as Readonly<Record<keyof typeof OPERATIONS, Operation>>,
    ({ scope, callWith }) =>
      ({ caller, organization, ...input }: CallContext) =>
        Effect.flatMap(admitCaller(caller, organization, scope), (member) =>
          callWith({ member, publicUrl }, withoutUndefined(input)),
        ),
  );

const admitCaller = (caller: CallContext["caller"], slug: string, scope: Scope) =>
  Effect.flatMap(
    Effect.sync(() => principalFrom(caller)),
    (principal) => admit({ principal, slug, scope }),
  );

/** Plain data without the members that are undefined, at any depth. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (!Predicate.isObject(value)) return value;
  return Record.map(
    Record.filter(value, (member) => member !== undefined),
    withoutUndefined,
  );
}

/** Makes the error that a call rejects with: the problem of a refusal, in the language of calls. */
export function rejectionFrom(refusal: Refusal): ValetkeyError {
  const { title, detail, members, headers: _, ...facts } = problemFrom(refusal, CALLS);
  // Hosts show `message` to callers, and the reason is for the operator alone.
  const why = "reason" in refusal ? { cause: new Error(refusal.reason) } : undefined;
  const error = new Error(`${title}. ${detail}`, why);
  return Object.assign(error, { name: "ValetkeyError", ...facts, ...members }) as ValetkeyError;
}
