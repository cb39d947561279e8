import * as Arr from "effect/Array";
import * as Schema from "effect/Schema";
import { type Code, internalProblem, type Problem, problemOf, type Refusal } from "../problem.ts";
import { MEMBERS } from "./members.ts";
import { SAMPLES } from "./samples.ts";

/** The answer to a failure of the service itself. */
export const INTERNAL = internalProblem("3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f");

/** What problem documents look like, by their codes. */
export const PROBLEM_SCHEMAS: ReadonlyMap<string, Schema.Constraint> = new Map(
  Object.entries(
    Arr.groupBy(
      [...Object.values<ReadonlyArray<Refusal>>(SAMPLES).flat().map(problemOf), INTERNAL],
      ({ code }) => code,
    ),
  ).map(([code, problems]) => [code, schemaOf(problems)]),
);

/** Members are required that all problems of a code have. */
function schemaOf(problems: Arr.NonEmptyReadonlyArray<Problem>): Schema.Constraint {
  const [{ status, code }] = problems;
  const members = problems.map(({ members = {} }) => members);
  const fields = Object.entries(MEMBERS).flatMap(([name, schema]) => {
    const having = members.filter((each) => Object.hasOwn(each, name)).length;
    if (having === 0) return [];
    return [[name, having === members.length ? schema : Schema.optionalKey(schema)]];
  });
  return Schema.Struct({
    title: Schema.String,
    status: Schema.Literal(status),
    detail: Schema.String.annotate({ description: "What is wrong and what to do about it." }),
    code: Schema.Literal(code),
    ...Object.fromEntries(fields),
  }).annotate({ identifier: pascalCase(code) });
}

function pascalCase(code: Code): string {
  return code.toLowerCase().replaceAll(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase());
}
