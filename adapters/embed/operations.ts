import type * as Effect from "effect/Effect";
import type { admit } from "../../application/admit.ts";
import type { UploadRefusal } from "../../domain/errors.ts";
import type { PROBLEMS, Refusal, Tag } from "../http/problems/table.ts";
import type { OPERATIONS } from "../http/app/routes.ts";
import type { MemberFault } from "../values/decode.ts";
import type { CallContext } from "./call-context.ts";

// The types of calls are those of the operations, and of the table of refusals. In the package,
// these declarations are written without Effect, and with the schemas' descriptions: see
// deploy/declare-operations.ts.

export type { MemberFault };

type Operations = typeof OPERATIONS;

/** The options of each call, beside the caller and the organization. */
export type Inputs = {
  readonly [Name in keyof Operations]: Options<NonNullable<Operations[Name]["options"]>>;
};

/** An optional member may be there, and undefined. */
type Options<Input> = {
  readonly [Name in keyof Input]: Input[Name] | ({} extends Pick<Input, Name> ? undefined : never);
};

type Outputs = {
  readonly [Name in keyof Operations]: Effect.Success<ReturnType<Operations[Name]["callWith"]>>;
};

/** The calls, for all policies. */
export type Calls = {
  readonly [Name in keyof Operations]: (
    options: CallContext & Inputs[Name],
  ) => Promise<Outputs[Name]>;
};

export type Upload = Outputs["requestUpload"];
export type Confirmation = Outputs["confirmUpload"];
export type MultipartUpload = Outputs["startMultipart"];
export type SignedPart = Outputs["signParts"][number];
export type StoredPart = Outputs["listParts"][number];
export type CompletedUpload = Outputs["completeMultipart"];
export type Link = Outputs["makeLink"];
export type OpenedFile = Outputs["openFile"];
export type Policy = Outputs["policies"][number];

type TagsOf<O> = O extends { readonly refusals: infer Refusals } ? keyof Refusals : never;
type CallTag =
  | TagsOf<Operations[keyof Operations]>
  | Extract<Effect.Error<ReturnType<typeof admit>>, Refusal>["_tag"];

/** The error that a call rejects with. */
export type ValetkeyError = Error & { readonly name: "ValetkeyError" } & Facts<CallTag>;

/** The code, the status and the members of a problem. */
type Facts<T extends Tag> = T extends "UploadRefused"
  ? Facts<UploadRefusal["_tag"]> & { readonly errors: ReadonlyArray<MemberFault> }
  : RowFacts<(typeof PROBLEMS)[Exclude<T, "UploadRefused">]>;

type RowFacts<Row extends { readonly answer: unknown }> = StatusAndCode<Row["answer"]> &
  (Row extends { readonly members: infer Members } ? ValuesOf<Members> : unknown) &
  (Row extends { readonly retryAfter: unknown } ? { readonly retryAfter: number } : unknown);

type ValuesOf<Members> = {
  readonly [Name in keyof Members]: Members[Name] extends { readonly Type: infer A } ? A : never;
};

type StatusAndCode<A> = A extends readonly [infer Status, infer Code, ...ReadonlyArray<unknown>]
  ? { readonly status: Status; readonly code: Code }
  : A extends (...args: never) => infer B
    ? StatusAndCode<B>
    : never;
