import * as Schema from "effect/Schema";
import { Scope } from "../../../domain/principal.ts";
import { MemberFault } from "../../settings/decode.ts";
import type { AnyProblem, Problem } from "../problem.ts";

type Name = Exclude<
  AnyProblem extends infer P ? (P extends unknown ? keyof P : never) : never,
  keyof Problem
>;
type Value<N extends Name> = AnyProblem extends infer P
  ? P extends { readonly [M in N]: infer V }
    ? V
    : never
  : never;

const bytes = Schema.Natural.annotate({ description: "Bytes." });
const count = Schema.optionalKey(Schema.Natural);
const listOf = (description: string) => Schema.Array(Schema.String).annotate({ description });
const sizeOrText = Schema.Union([Schema.String, Schema.Natural]);

/** What problem documents have beside what all of them have; a new member does not compile without. */
export const MEMBERS: {
  readonly [N in Name]: Schema.Constraint & { readonly Encoded: Value<N> };
} = {
  // Not as a list that is never empty, which generated clients take for a list of one.
  errors: Schema.mutable(Schema.Array(MemberFault)).annotate({
    identifier: "Faults",
    description: "The members of the body that are at fault.",
    minItems: 1,
    maxItems: 20,
  }),
  limit: bytes,
  actual: bytes,
  allowed: listOf("What may be sent."),
  known: listOf("The policies that the caller may use."),
  supported: listOf("The algorithms that the store verifies."),
  differences: Schema.Array(
    Schema.Struct({ property: Schema.String, expected: sizeOrText, actual: sizeOrText }).annotate({
      identifier: "Difference",
    }),
  ).annotate({ minItems: 1 }),
  scope: Scope.annotate({ description: "What the caller lacks." }),
  limits: Schema.Struct({ bytes: count, objects: count }).annotate({
    description: "What an organization may be granted in a day of UTC.",
  }),
  request_id: Schema.String.annotate({
    format: "uuid",
    description: "Names the request in the log.",
  }),
};
