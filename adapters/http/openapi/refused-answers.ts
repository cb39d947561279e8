import type * as Effect from "effect/Effect";
import type { admit } from "../../../application/admit.ts";
import type { Authenticator } from "../../../application/ports/authenticator.ts";
import { ScopeMissing } from "../../../domain/errors.ts";
import { documentOf } from "../answer.ts";
import { type Problem, problemOf, type Refusal } from "../problem.ts";
import type { UnreadBody } from "../request-body.ts";
import { MethodNotAllowed } from "../refusals.ts";
import type { AllOf } from "../route.ts";
import { answerHeaders, headers } from "./headers.ts";
import { INTERNAL, PROBLEM_SCHEMAS } from "./problem-schemas.ts";
import { SAMPLES } from "./samples.ts";
import type { Operation } from "./texts.ts";

/** What the server refuses by itself: requests that it cannot read, and too many at once. */
const SERVER_REFUSALS = {
  MalformedRequest: true,
  HeadersTooLarge: true,
  RequestTimeout: true,
  ExpectationFailed: true,
  Overloaded: true,
};

type Failure<F extends (...args: never) => Effect.Effect<unknown, unknown, unknown>> =
  ReturnType<F> extends Effect.Effect<unknown, infer E extends Refusal, unknown> ? E : never;

/** Why a caller is not admitted. */
const ADMISSION_REFUSALS: AllOf<
  Failure<Authenticator["Service"]["authenticate"]> | Failure<typeof admit>
> = {
  Unauthenticated: true,
  IdentityUnavailable: true,
  OrganizationNotFound: true,
  ScopeMissing: true,
  RateLimited: true,
  LimitsUnavailable: true,
};

/** Why a body is refused before its handler sees it. */
const BODY_REFUSALS: AllOf<UnreadBody> = {
  BodyNotJson: true,
  BodyEncoded: true,
  BodyTooLarge: true,
  RequestTimeout: true,
  InvalidBody: true,
};

/** The refusals of an operation, by status. */
export function refusedAnswers(operation: Operation, json: (schema: unknown) => object) {
  // A status that the operation itself answers with, as `/readyz` does with 503, is described there.
  const samples = samplesOf(operation).filter(
    ({ problem }) => !Object.hasOwn(operation.answers, problem.status),
  );
  const byStatus = Map.groupBy(samples, ({ problem }) => String(problem.status));
  return Object.fromEntries(
    [...byStatus].map(([status, samples]) => {
      const byCode = Map.groupBy(samples, ({ problem }) => problem.code);
      const schemas = [...byCode.keys()].map((code) => json(PROBLEM_SCHEMAS.get(code)));
      const examples = samples.map(({ name, problem }) => [
        name,
        { summary: problem.title, value: documentOf(problem) },
      ]);
      const answer = {
        description: [...byCode].map(inWords).join("\n"),
        headers: headersOf(samples),
        content: {
          "application/problem+json": {
            schema: schemas.length === 1 ? schemas[0] : { oneOf: schemas },
            examples: Object.fromEntries(examples),
          },
        },
      };
      return [status, answer];
    }),
  );
}

/** An example of a refusal. */
interface Sample {
  readonly name: string;
  readonly problem: Problem;
  /** Whether the request could be read, and so has an id. */
  readonly isRead: boolean;
  /** Whether the request was counted before, so that the answer has the headers of the limits. */
  readonly isCounted: boolean;
}

const inWords = ([code, samples]: readonly [string, ReadonlyArray<Sample>]) =>
  `- \`${code}\`: ${[...new Set(samples.map(({ problem }) => problem.title))].join("; ")}`;

/** All refusals of an operation, in its own words where it has some. */
function samplesOf({ allow, scope, body, refusals }: Operation): ReadonlyArray<Sample> {
  const own: { readonly [T in Refusal["_tag"]]?: Refusal } = {
    MethodNotAllowed: new MethodNotAllowed({ allow }),
    ...(scope === undefined ? {} : { ScopeMissing: new ScopeMissing({ scope }) }),
  };
  const counted = { ...(body === undefined ? {} : BODY_REFUSALS), ...refusals };
  const all = {
    ...SERVER_REFUSALS,
    LoopbackOnly: true,
    MethodNotAllowed: true,
    ...(scope === undefined ? {} : ADMISSION_REFUSALS),
    ...counted,
  };
  const samples = (Object.keys(all) as ReadonlyArray<Refusal["_tag"]>).flatMap((tag) => {
    const each: ReadonlyArray<Refusal> = own[tag] === undefined ? SAMPLES[tag] : [own[tag]];
    return each.map((refusal, index) => ({
      name: each.length === 1 ? tag : `${tag}${index + 1}`,
      problem: problemOf(refusal),
      isRead: !Object.hasOwn(SERVER_REFUSALS, tag),
      isCounted: scope !== undefined && Object.hasOwn(counted, tag),
    }));
  });
  return [...samples, { name: "Internal", problem: INTERNAL, isRead: true, isCounted: false }];
}

/** The headers of refusals; `Connection` is left out, since it is not part of the API. */
function headersOf(samples: ReadonlyArray<Sample>) {
  const own = samples.flatMap(({ problem }) => Object.keys(problem.headers ?? {}));
  const isRead = samples.every((sample) => sample.isRead);
  return {
    ...answerHeaders({ isRead, isCounted: samples.some((sample) => sample.isCounted) }),
    ...headers(own.filter((name) => name !== "Connection")),
  };
}
