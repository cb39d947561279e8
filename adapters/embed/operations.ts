import type * as Effect from "effect/Effect";
import type { OPERATIONS } from "../http/app/routes.ts";
import type { CallContext } from "./call-context.ts";

// The types of calls are those of the operations. In the package, these declarations are written
// without Effect, and with the schemas' descriptions: see deploy/declare-operations.ts.

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
