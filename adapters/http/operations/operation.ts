import type * as Arr from "effect/Array";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import type * as Schema from "effect/Schema";
import type { Member } from "../../../application/admit.ts";
import type { AuditedFacts, RecordFacts } from "../../../application/ports/audit.ts";
import type { Call } from "../../../application/ports/authenticator.ts";
import { InvalidReceipt, InvalidUpload } from "../../../domain/errors.ts";
import type { Scope } from "../../../domain/principal.ts";
import { decoder, type MemberFault, MISSING } from "../../values/decode.ts";
import { camelCase } from "../../values/names.ts";
import type { PublicAddress } from "../addresses.ts";
import { type Answer, json, NO_CONTENT } from "../answer.ts";
import type { HttpContext } from "../env.ts";
import type { AppOptions, Services } from "../options.ts";
import type { Refusal } from "../problems/problem.ts";
import { InvalidBody, InvalidMember } from "../problems/refusals.ts";
import { fromWire, toWire, wirePointer, wireSchema } from "./wire.ts";

export { FILES } from "../addresses.ts";

/** Exactly the refusals of `E`: an object of this type does not compile while one is missing. */
export type AllOf<E extends { readonly _tag: string }> = { readonly [T in E["_tag"]]: true };

/** An address of the service, with refusals beside those of caller and body. */
export interface Entry {
  /** In the syntax of Hono. */
  readonly path: `/${string}`;
  /** Further paths, which OpenAPI cannot express. */
  readonly deepPaths?: ReadonlyArray<`/${string}`> | undefined;
  /** Other methods are answered with 405. */
  readonly methods: readonly ["GET" | "POST" | "DELETE", ...ReadonlyArray<"HEAD">];
  /** The name in the audit; an entry without one is not audited. */
  readonly action?: string;
  /** The text for the OpenAPI document; an entry without one is not in it. */
  readonly text?: Text;
  /** The JSON of the answer, named as on the wire. */
  readonly answer?: Schema.Constraint;
  readonly refusals: { readonly [Tag in Refusal["_tag"]]?: true };
}

export interface Text {
  readonly operationId: string;
  /** `files` if left out. */
  readonly tag?: "links" | "service";
  readonly summary: string;
  readonly description?: string;
  /** Parameters outside the path, as OpenAPI writes them. */
  readonly parameters?: ReadonlyArray<object>;
  /** Example bodies, by name. */
  readonly examples?: Readonly<Record<string, unknown>>;
  /** The answers that are not refusals, by status; a single text is that of 200. */
  readonly answers: string | Readonly<Record<string, AnswerText>>;
}

export interface AnswerText {
  readonly description: string;
  /** True if the store gives this answer, to a client that follows redirects. */
  readonly isOfStore?: true;
  /** Headers beside those of every answer; one of the same name replaces it. */
  readonly headers?: Readonly<Record<string, object>>;
}

export interface PublicRequest {
  readonly c: HttpContext;
  readonly options: AppOptions;
  readonly routes: ReadonlyArray<Route>;
  readonly call: Call;
  readonly requestId: string;
  readonly recordFacts: RecordFacts | undefined;
}

/** An entry without authentication. */
export interface PublicRoute<E = Refusal> extends Entry {
  readonly scope?: undefined;
  /** True for a probe, which an embedded service does not have. */
  readonly isProbe?: true;
  readonly handler: (request: PublicRequest) => Effect.Effect<Answer, E, Services>;
}

// The errors of the next two functions are inferred from their arguments; a narrower constraint
// than a tag would widen the type to itself. `refusals` ensures that each is a `Refusal`.

/** Makes a public entry, with all that its handler refuses. */
export const publicRoute = <E extends { readonly _tag: string } = never>(
  row: PublicRoute<E> & { readonly refusals: AllOf<NoInfer<E>> },
): PublicRoute => row as PublicRoute<never>;

/** The caller of an operation, and the service's address. */
export interface OperationContext {
  readonly member: Member;
  readonly publicUrl: URL;
  /** Undefined without a public policy. */
  readonly publicAddress: PublicAddress | undefined;
  /** The headers of a request by HTTP; undefined for a call. */
  readonly headers?: Headers;
  /** The id of a request by HTTP. */
  readonly requestId?: string;
}

/** An operation on an organization's files, for members with its scope. */
interface Description<
  Fields extends Schema.Struct.Fields,
  Outcome,
  E extends { readonly _tag: string },
  Output,
  Gives,
> extends Omit<Entry, "refusals"> {
  readonly action: string;
  readonly scope: Scope;
  /** The scope that suffices for the caller's own files. */
  readonly own?: Scope | undefined;
  readonly text: Text;
  readonly input: Schema.Struct<Fields>;
  /** The largest body, in bytes; 16 KiB if left out. */
  readonly bodyLimit?: number;
  /** The input of a request that has no body. */
  readonly query?: (c: HttpContext, member: Member) => unknown;
  /** Finds a fault before input is decoded, which would cost much more. */
  readonly before?: (input: unknown) => MemberFault | undefined;
  /** Throws for input of a call that only a fault of the host explains. */
  readonly assertCall?: (input: unknown) => void;
  /** Finds a fault of several members together. */
  readonly check?: (input: Schema.Struct<Fields>["Type"]) => MemberFault | undefined;
  /** Returns the input's facts for the audit; several if each of several uploads is one entry. */
  readonly facts?: (
    input: Schema.Struct<Fields>["Type"],
  ) => AuditedFacts | ReadonlyArray<AuditedFacts>;
  readonly output?: Schema.Constraint & { readonly Encoded: Output };
  /** Returns the outcome as plain data, as calls return it. */
  readonly present: (outcome: Outcome, asking: OperationContext) => Output;
  /** The member of the output that a call returns alone. */
  readonly callGives?: Gives;
  /** Returns the outcome on the wire; by hand where that is measurably cheaper. */
  readonly encode?: (outcome: Outcome, asking: OperationContext) => unknown;
  /** The headers of the answer to a request, in place of those of JSON. */
  readonly headers?: Answer["headers"] | ((outcome: Outcome) => Answer["headers"]);
  /** The answer to a request; the output as JSON if there is none. */
  readonly respond?: (outcome: Outcome, asking: OperationContext) => Answer | undefined;
  /** Refusals beside those of the caller and of an invalid body. */
  readonly refusals: AllOf<Exclude<E, InvalidInput>> & Entry["refusals"];
}

type Run<Input, Outcome, E> =
  | {
      readonly run: (asking: OperationContext, input: Input) => Effect.Effect<Outcome, E, Services>;
      readonly runLate?: undefined;
    }
  | {
      readonly run?: undefined;
      /** Runs with input that is decoded when the program needs it. */
      readonly runLate: (
        asking: OperationContext,
        raw: unknown,
        decoded: Effect.Effect<Input, InvalidInput>,
      ) => Effect.Effect<Outcome, E, Services>;
    };

/** An operation, for all that lists, serves, documents or calls operations. */
export interface Operation<
  Input = unknown,
  Output = unknown,
  Tags extends Refusal["_tag"] = Refusal["_tag"],
> extends Pick<
  Description<Schema.Struct.Fields, unknown, never, unknown, string>,
  Exclude<keyof Entry, "refusals"> | "scope" | "own" | "bodyLimit" | "query"
> {
  readonly refusals: Entry["refusals"];
  readonly input: Schema.Constraint;
  readonly output: Schema.Constraint | undefined;
  readonly callGives: string | undefined;
  /** The body of a request, named as on the wire. */
  readonly body: Schema.Constraint | undefined;
  /** Decodes the body of a request, named as on the wire, or the input from its query. */
  readonly decode: (input: unknown) => Result.Result<object, Refusal>;
  /** Decodes the body of a request and runs. */
  readonly answerTo: (
    asking: OperationContext,
    input: unknown,
  ) => Effect.Effect<Answer, Refusal, Services>;
  /** Decodes the options of a call and runs. */
  readonly callWith: (
    asking: OperationContext,
    input: unknown,
  ) => Effect.Effect<Output, Refusal, Services>;
  /** Types for the compiler only: the options of the call, and its refusals. */
  readonly options?: Input;
  readonly tags?: Tags;
}

export type Route = Operation | PublicRoute;

/** Says which scopes an operation needs, as documents and tools do. */
export const scopesInWords = ({ scope, own }: Pick<Operation, "scope" | "own">): string =>
  `Needs the scope \`${scope}\`${own ? `, or \`${own}\` for the caller's own files` : ""}.`;

export const allowedMethods = (routes: ReadonlyArray<Route>, path: string): string =>
  routes
    .filter((route) => route.path === path)
    .flatMap(({ methods }) => methods)
    .join(", ");

type CallOutput<Output, Gives> = Gives extends keyof Output ? Output[Gives] : Output;

type InvalidInput = InvalidBody | InvalidMember | InvalidReceipt | InvalidUpload;

/** Makes an operation of its description, with all that it refuses beside an invalid body. */
export function operation<
  Fields extends Schema.Struct.Fields,
  Outcome,
  E extends { readonly _tag: string },
  Output = void,
  const Gives extends (keyof Output & string) | undefined = undefined,
>(
  description: Description<Fields, Outcome, E, Output, Gives> &
    Run<Schema.Struct<Fields>["Type"], Outcome, E>,
): Operation<
  Schema.Struct<Fields>["Encoded"],
  CallOutput<Output, Gives>,
  Extract<(E | InvalidInput)["_tag"], Refusal["_tag"]>
> {
  type Input = Schema.Struct<Fields>["Type"];
  /** `refusals` ensures that it fails with a `Refusal`. */
  type Program = Effect.Effect<Outcome, (E & Refusal) | InvalidInput, Services>;
  const { input: schema, output, callGives, before, assertCall, check, facts } = description;
  const { present, encode, headers, respond, run, runLate, ...described } = description;
  const named = output && toWire(output);
  const wire = wireSchema(schema);

  /** Decodes input in one of its two spellings. */
  const decoding = (
    spelled: Schema.Constraint,
    rename: (value: unknown) => unknown,
    isWire: boolean,
  ) => {
    const members = Object.keys(schema.fields);
    const names = isWire ? members.map(wirePointer) : members;
    const decode = decoder(
      spelled as Schema.ConstraintCodec<unknown, unknown>,
      isWire ? names : undefined,
    );
    const refuse = (fault: MemberFault) => {
      const pointer = isWire ? wirePointer(fault.pointer) : fault.pointer;
      return Result.fail(new InvalidBody({ errors: [{ ...fault, pointer }] }));
    };
    return (value: unknown): Result.Result<Input, InvalidInput> => {
      const early = before?.(value);
      if (early !== undefined) return refuse(early);
      const decoded = decode(value);
      if (Result.isFailure(decoded)) return Result.fail(refusalFor(decoded.failure, names));
      // A schema without members accepts any.
      const input = (members.length === 0 ? {} : rename(decoded.success)) as Input;
      const fault = check?.(input);
      return fault === undefined ? Result.succeed(input) : refuse(fault);
    };
  };

  /** Decodes input and runs. */
  const performing =
    (decode: ReturnType<typeof decoding>) =>
    (asking: OperationContext, raw: unknown): Program => {
      if (runLate !== undefined) {
        const decoded = Effect.suspend(() => Effect.fromResult(decode(raw)));
        return runLate(asking, raw, decoded) as Program;
      }
      const decoded = decode(raw);
      if (Result.isFailure(decoded)) return Effect.fail(decoded.failure);
      const { recordFacts } = asking.member;
      if (recordFacts && facts) recordEach(recordFacts, facts(decoded.success));
      return run(asking, decoded.success) as Program;
    };

  const decodeBody = decoding(wire, fromWire(schema), true);
  const performBody = performing(decodeBody);
  const performOptions = performing(decoding(schema, (value) => value, false));
  return {
    ...described,
    input: schema,
    output,
    callGives,
    body: description.query === undefined ? wire : undefined,
    ...(output && { answer: wireSchema(output) }),
    decode: decodeBody,
    refusals: {
      ...(Object.keys(schema.fields).some((name) => Object.hasOwn(MEMBER_CODES, name)) && {
        InvalidMember: true,
      }),
      ...description.refusals,
    },
    answerTo: (asking: OperationContext, input: unknown) =>
      Effect.map(performBody(asking, input), (outcome) => {
        const answer = respond?.(outcome, asking);
        if (answer !== undefined) return answer;
        if (named === undefined) return NO_CONTENT;
        const written = encode?.(outcome, asking) ?? named(present(outcome, asking));
        return json(written, 200, typeof headers === "function" ? headers(outcome) : headers);
      }),
    callWith: (asking: OperationContext, input: unknown) => {
      assertCall?.(input);
      return Effect.map(performOptions(asking, input), (outcome) => {
        const output = present(outcome, asking);
        return (callGives === undefined ? output : output[callGives]) as CallOutput<Output, Gives>;
      });
    },
  };
}

function recordEach(
  recordFacts: RecordFacts,
  facts: AuditedFacts | ReadonlyArray<AuditedFacts>,
): void {
  if (Array.isArray(facts)) facts.forEach((each: AuditedFacts, index) => recordFacts(each, index));
  else recordFacts(facts as AuditedFacts);
}

/** Codes of invalid members; a member of one of these names means the same everywhere. */
const MEMBER_CODES = {
  filename: "INVALID_FILE_NAME",
  contentType: "INVALID_CONTENT_TYPE",
  size: "INVALID_SIZE",
  checksum: "INVALID_CHECKSUM",
} as const;

/**
 * Returns the refusal of an invalid input. One invalid member with a code of its own gets that
 * code, as does a token that is no text; missing and unknown members, and several faults, are
 * `InvalidBody`.
 */
function refusalFor(
  faults: Arr.NonEmptyReadonlyArray<MemberFault>,
  names: ReadonlyArray<string>,
): InvalidInput {
  const [first] = faults;
  const [, spelled = ""] = first.pointer.split("/");
  const member = camelCase(spelled);
  if (first.reason === MISSING || !names.includes(spelled))
    return new InvalidBody({ errors: faults });
  if (member === "receipt") return new InvalidReceipt();
  if (member === "upload") return new InvalidUpload();
  return faults.length === 1 && Object.hasOwn(MEMBER_CODES, member)
    ? new InvalidMember({
        code: MEMBER_CODES[member as keyof typeof MEMBER_CODES],
        errors: [first],
      })
    : new InvalidBody({ errors: faults });
}
