import type * as Schema from "effect/Schema";
import { UploadRefused, type UploadRefusal } from "../../../domain/errors.ts";
import { type Problem, problemFrom } from "./problem.ts";
import { PROBLEMS, type Refusal, type Row } from "./table.ts";

/** An example of a refusal: its problem, and the schemas of the members that only some have. */
export interface Sample {
  readonly refusal: Refusal;
  readonly problem: Problem;
  readonly members: Readonly<Record<string, Schema.Constraint>>;
}

export const sampleOf = (refusal: Refusal): Sample => ({
  refusal,
  problem: problemFrom(refusal),
  members: membersOf(refusal),
});

function membersOf(refusal: Refusal): Sample["members"] {
  if (refusal._tag === "UploadRefused") {
    return { ...membersOf(refusal.refusal), ...PROBLEMS.InvalidBody.members };
  }
  const { members = {} }: Row = PROBLEMS[refusal._tag];
  return members;
}

const alone = Object.entries<Row>(PROBLEMS).flatMap(([tag, { samples = [{}] }]) =>
  samples.map((facts) => Object.assign({ _tag: tag }, facts) as Exclude<Refusal, UploadRefused>),
);
const inBatch = alone
  .filter((refusal): refusal is UploadRefusal => "inBatch" in PROBLEMS[refusal._tag])
  .map((refusal) => new UploadRefused({ index: 3, refusal }));

/** Examples of all refusals, at least one of each. */
export const SAMPLES: ReadonlyArray<Sample> = [...alone, ...inBatch].map(sampleOf);
