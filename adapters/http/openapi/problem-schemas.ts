import * as Arr from "effect/Array";
import * as Rec from "effect/Record";
import * as Schema from "effect/Schema";
import * as Str from "effect/String";
import { type Sample, SAMPLES } from "../problems/samples.ts";

/** Makes the schema of the problems of each code. Members that all of them have are required. */
export const problemSchemas = (samples: Iterable<Sample>) =>
  Rec.map(
    Arr.groupBy(samples, ({ problem }) => problem.code),
    (alike, code) => {
      const members = Object.assign(
        {},
        ...alike.map(({ members }) => members),
      ) as Sample["members"];
      return Schema.Struct({
        title: Schema.String,
        status: Schema.Literal(alike[0].problem.status),
        detail: Schema.String.annotate({ description: "What is wrong and what to do about it." }),
        code: Schema.Literal(code),
        ...Rec.map(members, (schema, name) =>
          alike.every((sample) => Object.hasOwn(sample.members, name))
            ? schema
            : Schema.optionalKey(schema),
        ),
      }).annotate({ identifier: Str.snakeToPascal(code.toLowerCase()) });
    },
  );

export const PROBLEM_SCHEMAS = problemSchemas(SAMPLES);
