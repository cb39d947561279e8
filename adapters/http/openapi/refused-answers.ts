import * as Arr from "effect/Array";
import type * as Effect from "effect/Effect";
import * as Rec from "effect/Record";
import * as Str from "effect/String";
import type { admit } from "../../../application/admit.ts";
import type { Authenticator } from "../../../application/ports/authenticator.ts";
import type { StoreChoice } from "../../../application/ports/stores.ts";
import { ScopeMissing } from "../../../domain/errors.ts";
import { documentFrom } from "../problems/answer-problem.ts";
import type { UnreadBody } from "../operations/request-body.ts";
import { BodyTooLarge, MethodNotAllowed } from "../problems/refusals.ts";
import type { AllOf, Entry, Operation, Text } from "../operations/operation.ts";
import { answerHeaders } from "./headers.ts";
import { sampleOf, SAMPLES } from "../problems/samples.ts";
import type { Refusal, Tag } from "../problems/table.ts";
import { PROBLEM_SCHEMAS } from "./problem-schemas.ts";

const SERVER_REFUSALS = {
  MalformedRequest: true,
  HeadersTooLarge: true,
  RequestTimeout: true,
  ExpectationFailed: true,
  Overloaded: true,
};

type Failure<F extends (...args: never) => Effect.Effect<unknown, unknown, unknown>> =
  ReturnType<F> extends Effect.Effect<unknown, infer E extends Refusal, unknown> ? E : never;

export const ADMISSION_REFUSALS: AllOf<
  | Failure<Authenticator["Service"]["authenticate"]>
  | Failure<typeof admit>
  | Failure<StoreChoice["of"]>
> = {
  Unauthenticated: true,
  IdentityUnavailable: true,
  OrganizationNotFound: true,
  ScopeMissing: true,
  RateLimited: true,
  LimitsUnavailable: true,
  // Where there are several, for one that is not there any more.
  StoreUnavailable: true,
};

export const BODY_REFUSALS: AllOf<UnreadBody> = {
  BodyNotJson: true,
  BodyEncoded: true,
  BodyTooLarge: true,
  RequestTimeout: true,
  InvalidBody: true,
};

/** Collects the named parts of the document, and returns references to them. */
export interface Collect {
  /** Adds a schema as OpenAPI writes it; one without a name is written in place. */
  readonly schema: (schema: unknown) => Json;
  /** Adds a schema of several problem documents, by their codes. */
  readonly oneOf: (name: string, byCode: Readonly<Record<string, Json>>) => Json;
  /** Adds an example; one that differs from another of its name is written in place. */
  readonly example: (name: string, example: Json) => Json;
}

type Json = Readonly<Record<string, unknown>>;

export interface DocumentedOperation extends Entry {
  readonly scope?: Operation["scope"] | undefined;
  readonly own?: Operation["own"];
  readonly body?: Operation["body"];
  readonly bodyLimit?: number;
  readonly text: Text;
  readonly allow: string;
}

export function refusedAnswers(operation: DocumentedOperation, collect: Collect) {
  // The text describes a status that the operation itself answers, such as 503 of `/readyz`.
  const samples = samplesFor(operation).filter(
    ({ problem }) =>
      typeof operation.text.answers === "string" ||
      !Object.hasOwn(operation.text.answers, problem.status),
  );
  return Rec.map(
    Arr.groupBy(samples, ({ problem }) => String(problem.status)),
    (samples, status) => {
      const byCode = Arr.groupBy(samples, ({ problem }): string => problem.code);
      const schemas = Rec.map(byCode, (_, code) => collect.schema(PROBLEM_SCHEMAS[code]));
      const name = `${Str.capitalize(operation.text.operationId)}${status}`;
      const [only, ...others] = Object.values(schemas);
      const examples = samples.map(({ name, problem }) => [
        name,
        collect.example(name, { summary: problem.title, value: documentFrom(problem) }),
      ]);
      return {
        description: Object.entries(byCode).map(inWords).join("\n"),
        // The id follows the first sample: the server's refusals come first and may lack it.
        headers: Object.assign({}, ...samples.map(({ headers }) => headers), samples[0].headers),
        content: {
          "application/problem+json": {
            schema: others.length === 0 ? only : collect.oneOf(name, schemas),
            examples: Object.fromEntries(examples),
          },
        },
      };
    },
  );
}

type Sample = ReturnType<typeof samplesFor>[number];

const inWords = ([code, samples]: readonly [string, ReadonlyArray<Sample>]) =>
  `- \`${code}\`: ${Arr.dedupe(samples.map(({ problem }) => problem.title)).join("; ")}`;

/** Returns examples of all refusals of an operation, with its methods and scope. */
function samplesFor({ allow, scope, own, body, bodyLimit, refusals }: DocumentedOperation) {
  const specific: { readonly [T in Tag]?: Refusal } = {
    MethodNotAllowed: new MethodNotAllowed({ allow }),
    ...(scope === undefined ? {} : { ScopeMissing: new ScopeMissing({ scope, own }) }),
    ...(bodyLimit === undefined ? {} : { BodyTooLarge: new BodyTooLarge({ limit: bodyLimit }) }),
  };
  // The limits count a request once its caller is admitted, before its body is read.
  const counted = { ...(body === undefined ? {} : BODY_REFUSALS), ...refusals };
  const all = {
    ...SERVER_REFUSALS,
    LoopbackOnly: true,
    MethodNotAllowed: true,
    ...(scope === undefined ? {} : ADMISSION_REFUSALS),
    ...counted,
    Internal: true,
  };
  return (Object.keys(all) as ReadonlyArray<Tag>).flatMap((tag) => {
    const refusal = specific[tag];
    const each = refusal
      ? [sampleOf(refusal)]
      : SAMPLES.filter(({ refusal }) => refusal._tag === tag);
    const isCounted = scope !== undefined && Object.hasOwn(counted, tag);
    const isRead = !Object.hasOwn(SERVER_REFUSALS, tag);
    return each.map(({ problem }, index) => {
      // The API does not promise to keep connections open.
      const { Connection: _, ...headers } = problem.headers;
      return {
        name: each.length === 1 ? tag : `${tag}${index + 1}`,
        problem,
        headers: answerHeaders({ isCounted, isRead, more: Object.keys(headers) }),
      };
    });
  });
}
