import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Predicate from "effect/Predicate";
import * as Record from "effect/Record";
import * as Schema from "effect/Schema";
import { admit } from "../../application/admit.ts";
import { Policies } from "../../application/ports/policies.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { inStoreOf } from "../../application/store/in-store.ts";
import { SizeText } from "../../domain/byte-size.ts";
import type { UploadRefusal } from "../../domain/errors.ts";
import { DEFAULT_SCOPES, type Principal, Scope, Subject } from "../../domain/principal.ts";
import { CallerKind } from "../../domain/upload-policy.ts";
import { publicAddresses } from "../http/addresses.ts";
import { OPERATIONS } from "../http/app/routes.ts";
import type { Operation, OperationContext } from "../http/operations/operation.ts";
import { CALLS } from "../http/problems/language.ts";
import { problemFrom } from "../http/problems/problem.ts";
import type { PROBLEMS, Refusal, Tag } from "../http/problems/table.ts";
import type { MemberFault } from "../values/decode.ts";
import type { CallContext, Caller } from "./arguments.ts";

// The types of calls follow from the operations and the table of refusals. In the package, these
// declarations are written without Effect, and with the schemas' descriptions: see deploy/declare-
// operations.ts.

export type { MemberFault };

type Operations = typeof OPERATIONS;

/** The options of each call, beside the caller and the organization. */
export type Inputs = {
  readonly [Name in keyof Operations]: OptionsOf<NonNullable<Operations[Name]["options"]>>;
};

/** Lets an optional member be undefined as well. */
type OptionsOf<Input> = {
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

type CallTag =
  | NonNullable<Operations[keyof Operations]["tags"]>
  | Extract<Effect.Error<ReturnType<typeof admit>>, Refusal>["_tag"];

/** The error that a call rejects with. */
export type ValetkeyError = Error & { readonly name: "ValetkeyError" } & Facts<CallTag>;

/** The code, the status and the members of a problem. */
type Facts<T extends Tag> = T extends "UploadRefused"
  ? Facts<UploadRefusal["_tag"]> & { readonly errors: ReadonlyArray<MemberFault> }
  : RowFacts<(typeof PROBLEMS)[Exclude<T, "UploadRefused">]>;

type RowFacts<Row extends { readonly answer: unknown }> = StatusAndCode<Row["answer"]> &
  (Row extends { readonly members: infer Members } ? ValuesOf<Members> : unknown) &
  (Row extends { readonly retryAfter: infer After } ? Later<After> : unknown);

/** Optional if a refusal of that code may have none. */
type Later<After> = After extends (...facts: never) => infer Seconds
  ? undefined extends Seconds
    ? { readonly retryAfter?: number }
    : { readonly retryAfter: number }
  : { readonly retryAfter: number };

type ValuesOf<Members> = {
  readonly [Name in keyof Members]: Members[Name] extends { readonly Encoded: infer A } ? A : never;
};

type StatusAndCode<A> = A extends readonly [infer Status, infer Code, ...ReadonlyArray<unknown>]
  ? { readonly status: Status; readonly code: Code }
  : A extends (...args: never) => infer B
    ? StatusAndCode<B>
    : never;

/** Makes the calls of the package, as programs: operations with plain data for input and output. */
export const callsAt = ({ publicUrl }: Pick<OperationContext, "publicUrl">) =>
  Record.map(
    OPERATIONS as Readonly<Record<keyof typeof OPERATIONS, Operation>>,
    ({ scope, own, callWith }) =>
      ({ caller, organization, ...input }: CallContext) =>
        Effect.flatMap(admitCaller({ caller, slug: organization, scope, own }), (member) => {
          const { organization, principal, slug } = member;
          const called = Effect.flatMap(publicAddressesOf(publicUrl), (publicAddress) =>
            callWith({ member, publicUrl, publicAddress }, withoutUndefined(input)),
          );
          return inStoreOf({ organization, caller: { principal, slug } }, called);
        }),
  );

/** Returns the addresses of public files in the store of the context. */
export const publicAddressesOf = (publicUrl: URL) =>
  Effect.zipWith(Policies, Presigner, (policies, { publicRoot }) =>
    publicAddresses(policies, publicUrl, publicRoot),
  );

const admitCaller = ({
  caller,
  ...asked
}: Pick<CallContext, "caller"> & Omit<Parameters<typeof admit>[0], "principal">) =>
  Effect.flatMap(
    Effect.sync(() => principalFrom(caller)),
    (principal) => admit({ principal, ...asked }),
  );

/** Returns plain data without undefined members, at any depth. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (!Predicate.isObject(value)) return value;
  return Record.map(
    Record.filter(value, (member) => member !== undefined),
    withoutUndefined,
  );
}

/** Converts a host's caller to a principal; throws a `TypeError` if it has the wrong shape. */
export function principalFrom(caller: Caller): Principal {
  if (!Predicate.isObject(caller)) throw new TypeError("caller must be { id, kind?, scopes? }");
  const { id, kind = "user", scopes } = caller;
  if (!isSubject(id)) throw new TypeError("caller.id must be 1 to 256 printable characters");
  if (!isKind(kind)) throw new TypeError('caller.kind must be "user" or "service"');
  if (scopes !== undefined && !(Array.isArray(scopes) && scopes.every(isScope))) {
    throw new TypeError(
      'caller.scopes must be a list of "write", "read", "confirm", "list", "remove" and "mine"',
    );
  }
  const sizeIn = (member: "bytesPerDay" | "storedBytes") => {
    if (caller[member] === undefined) return undefined;
    const size = Option.getOrUndefined(decodeSize(caller[member]));
    if (size !== undefined) return size;
    throw new TypeError(`caller.${member} must be a number of bytes, or text such as "5 GiB"`);
  };
  return {
    kind,
    subject: id,
    bytesPerDay: sizeIn("bytesPerDay"),
    storedBytes: sizeIn("storedBytes"),
    scopes: scopes === undefined ? DEFAULT_SCOPES : new Set(scopes),
    // The host's `organizations` decides which are the caller's.
    organizations: "every",
  };
}

const isSubject = Schema.is(Subject);
const decodeSize = Schema.decodeUnknownOption(SizeText);
const isKind = Schema.is(CallerKind);
const isScope = Schema.is(Scope);

/** Makes the error that a call rejects with: the problem of a refusal, in the language of calls. */
export function rejectionFrom(refusal: Refusal): ValetkeyError {
  const { title, detail, members, headers: _, ...facts } = problemFrom(refusal, CALLS);
  // Hosts show `message` to callers, but the reason is for the operator alone.
  const why = "reason" in refusal ? { cause: new Error(refusal.reason) } : undefined;
  const error = new Error(`${title}. ${detail}`, why);
  return Object.assign(error, { name: "ValetkeyError", ...facts, ...members }) as ValetkeyError;
}
