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
import { type Answer, json, NO_CONTENT } from "../answer.ts";
import type { HttpContext } from "../env.ts";
import type { AppOptions, Services } from "../options.ts";
import type { Refusal } from "../problems/problem.ts";
import { InvalidBody, InvalidMember } from "../problems/refusals.ts";
import { fromWire, toWire, wirePointer, wireSchema } from "./wire.ts";

export { FILES } from "../addresses.ts";

/** Exactly the refusals of `E`: an object of this type does not compile while one is missing. */
export type AllOf<E extends { readonly _tag: string }> = { readonly [T in E["_tag"]]: true };

/** The answers of the service at an address, with refusals beside those of caller and body. */
export interface Entry {
  /** As Hono writes it. */
  readonly path: `/${string}`;
  /** Further paths, which no document can write. */
  readonly deepPaths?: ReadonlyArray<`/${string}`> | undefined;
  /** Other methods are answered with 405. */
  readonly methods: readonly ["GET" | "POST" | "DELETE", ...ReadonlyArray<"HEAD">];
  /** The name in the audit; an entry without is not audited. */
  readonly action?: string;
  /** For the OpenAPI document; an entry without is not in it. */
  readonly text?: Text;
  /** The JSON that is answered, named as on the wire. */
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
  /** The answers that are not refusals, by status; a text alone is that of 200. */
  readonly answers: string | Readonly<Record<string, AnswerText>>;
}

export interface AnswerText {
  readonly description: string;
  /** The store gives this answer, to a client that follows redirects by itself. */
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

/** An entry that answers whoever asks. */
export interface PublicRoute<E = Refusal> extends Entry {
  readonly scope?: undefined;
  /** A probe belongs to a service that stands alone. */
  readonly isProbe?: true;
  readonly handler: (request: PublicRequest) => Effect.Effect<Answer, E, Services>;
}

// The errors of the next two functions are inferred from what they are given, which a narrower
// constraint than a tag would widen to itself; that each is a `Refusal` follows from `refusals`.

/** Makes an entry for everyone, with all that its handler refuses. */
export const publicRoute = <E extends { readonly _tag: string } = never>(
  row: PublicRoute<E> & { readonly refusals: AllOf<NoInfer<E>> },
): PublicRoute => row as PublicRoute<never>;

/** The caller of an operation, and the place that it is asked at. */
export interface OperationContext {
  readonly member: Member;
  readonly publicUrl: URL;
  /** By HTTP, and not by a call. */
  readonly isRequest?: true;
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
  readonly text: Text;
  readonly input: Schema.Struct<Fields>;
  /** The largest body, in bytes; 16 KiB if left out. */
  readonly bodyLimit?: number;
  /** The input of a request that has no body. */
  readonly query?: (c: HttpContext, member: Member) => unknown;
  /** A fault that is looked for before input is decoded, which would cost much more. */
  readonly before?: (input: unknown) => MemberFault | undefined;
  /** Throws for input of a call that only a fault of the host explains. */
  readonly assertCall?: (input: unknown) => void;
  /** A fault that no single member has. */
  readonly check?: (input: Schema.Struct<Fields>["Type"]) => MemberFault | undefined;
  /** Facts for the audit in the input; several where each of several uploads is one entry. */
  readonly facts?: (
    input: Schema.Struct<Fields>["Type"],
  ) => AuditedFacts | ReadonlyArray<AuditedFacts>;
  readonly output?: Schema.Constraint & { readonly Encoded: Output };
  /** The outcome as plain data, as calls return it. */
  readonly present: (outcome: Outcome, asking: OperationContext) => Output;
  /** The member of the output that a call returns alone. */
  readonly callGives?: Gives;
  /** The outcome on the wire, by hand where that is measurably cheaper. */
  readonly encode?: (outcome: Outcome) => unknown;
  /** The headers of the answer to a request, in place of those of JSON. */
  readonly headers?: Answer["headers"];
  /** The answer to a request, if it is not the output as JSON. */
  readonly respond?: (outcome: Outcome) => Answer;
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
      /** Runs with input that is decoded once the program asks for it. */
      readonly runLate: (
        asking: OperationContext,
        raw: unknown,
        decoded: Effect.Effect<Input, InvalidInput>,
      ) => Effect.Effect<Outcome, E, Services>;
    };

/** An operation, read by everything that speaks of operations. */
export interface Operation<
  Input = unknown,
  Output = unknown,
  Tags extends Refusal["_tag"] = Refusal["_tag"],
> extends Pick<
  Description<Schema.Struct.Fields, unknown, never, unknown, string>,
  Exclude<keyof Entry, "refusals"> | "scope" | "bodyLimit" | "query"
> {
  readonly refusals: Entry["refusals"];
  readonly input: Schema.Constraint;
  readonly output: Schema.Constraint | undefined;
  readonly callGives: string | undefined;
  /** The body of a request, named as on the wire. */
  readonly body: Schema.Constraint | undefined;
  /** Decodes the body of a request, named as on the wire, or what its query has. */
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
  /** For the compiler alone: the options of the call, and its refusals. */
  readonly options?: Input;
  readonly tags?: Tags;
}

export type Route = Operation | PublicRoute;

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
  /** That it fails with a `Refusal` follows from `refusals`. */
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
    const own = Object.keys(schema.fields);
    const names = isWire ? own.map(wirePointer) : own;
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
      // A schema without members lets all pass.
      const input = (own.length === 0 ? {} : rename(decoded.success)) as Input;
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
        if (respond !== undefined) return respond(outcome);
        if (named === undefined) return NO_CONTENT;
        return json(encode?.(outcome) ?? named(present(outcome, asking)), 200, headers);
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

/** The refusals of single members; wherever a member has one of these names, it means the same. */
const MEMBER_CODES = {
  filename: "INVALID_FILE_NAME",
  contentType: "INVALID_CONTENT_TYPE",
  size: "INVALID_SIZE",
  checksum: "INVALID_CHECKSUM",
} as const;

/**
 * The refusal of an invalid input. One bad value that has a code of its own is refused with it, as
 * is a token that is no text; missing and unknown members, and several faults, with `InvalidBody`.
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
