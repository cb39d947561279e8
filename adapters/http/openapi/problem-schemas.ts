import * as Arr from "effect/Array";
import * as Rec from "effect/Record";
import * as Schema from "effect/Schema";
import * as Str from "effect/String";
import { PartNumber } from "../../../domain/multipart.ts";
import { Scope } from "../../../domain/principal.ts";
import { UploadDifference } from "../../../domain/upload-difference.ts";
import { MemberFault } from "../../values/decode.ts";
import { internalProblem, type Problem, problemFrom, type Refusal } from "../problems/problem.ts";
import { SAMPLES } from "../problems/samples.ts";

const bytes = Schema.Natural.annotate({ description: "Bytes." });
const count = Schema.optionalKey(Schema.Natural);
const textList = (description: string) => Schema.Array(Schema.String).annotate({ description });

const MEMBERS: Readonly<Record<string, Schema.Constraint>> = {
  // Not `NonEmptyArray`, which generated clients take for a list of exactly one.
  errors: Schema.Array(MemberFault).annotate({
    identifier: "Faults",
    description: "The invalid members of the body.",
    minItems: 1,
    maxItems: 20,
  }),
  limit: bytes,
  actual: bytes,
  allowed: textList("What may be sent."),
  known: textList("The policies that the caller may use."),
  supported: textList("The algorithms that the store verifies."),
  differences: Schema.Array(UploadDifference).annotate({ minItems: 1 }),
  state: Schema.Literals(["copying", "scanning"]).annotate({
    description: "What the file waits for, if it is there and not ready.",
  }),
  missing: Schema.Array(PartNumber).annotate({
    description: "Numbers of parts, up to 100 of them.",
    minItems: 1,
    maxItems: 100,
  }),
  scope: Scope.annotate({ description: "What the caller lacks." }),
  limits: Schema.Struct({ bytes: count, objects: count, caller: count }).annotate({
    identifier: "Quota",
    description:
      "What one organization may be granted in a day (UTC); `caller` is how many bytes one caller may be granted in it.",
  }),
  request_id: Schema.String.annotate({
    format: "uuid",
    description: "Names the request in the log.",
  }),
};

export const INTERNAL = internalProblem("3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f");

export const PROBLEM_SCHEMAS: Readonly<Record<string, Schema.Constraint>> = Rec.map(
  Arr.groupBy(
    [
      ...Object.values<ReadonlyArray<Refusal>>(SAMPLES)
        .flat()
        .map((refusal) => problemFrom(refusal)),
      INTERNAL,
    ],
    ({ code }): string => code,
  ),
  schemaFor,
);

/** The schema of a code. Members that all problems of the code have are required. */
function schemaFor(problems: Arr.NonEmptyReadonlyArray<Problem>): Schema.Constraint {
  const [{ status, code }] = problems;
  const fields = Object.entries(MEMBERS).flatMap(([name, schema]) => {
    const having = problems.filter(({ members = {} }) => Object.hasOwn(members, name)).length;
    if (having === 0) return [];
    return [[name, having === problems.length ? schema : Schema.optionalKey(schema)]];
  });
  return Schema.Struct({
    title: Schema.String,
    status: Schema.Literal(status),
    detail: Schema.String.annotate({ description: "What is wrong and what to do about it." }),
    code: Schema.Literal(code),
    ...Object.fromEntries(fields),
  }).annotate({ identifier: Str.snakeToPascal(code.toLowerCase()) });
}
