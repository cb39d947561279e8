import type * as Effect from "effect/Effect";
import type { OPERATIONS } from "../http/operations/list.ts";
import type { ChecksumAlgorithm } from "./opaque.ts";
import type { Caller, Checksum, PolicyOptions } from "./valetkey-options.ts";

/** Uploads straight into a store. A refused call rejects with a `ValetkeyError`. */
export interface Valetkey<
  Algorithm extends ChecksumAlgorithm = ChecksumAlgorithm,
  Policies extends NeedsByPolicy = NeedsByPolicy,
> extends Calls<Algorithm, Policies> {
  /**
   * Resolves once uploads can be signed and the bucket exists, and rejects with what is wrong, such
   * as a missing package. Other calls do not need it: it lets a service fail at startup.
   */
  readonly ready: () => Promise<void>;
  /**
   * Answers a request to the HTTP API, and with `local()` to the store; 404 for a path that is not
   * one of `paths`. What a host passes in `from` is trusted.
   */
  readonly fetch: (request: Request, from?: HandedOver) => Promise<Response>;
  /** Whether the path of a request is one of `paths`; other requests are the host's. */
  readonly handles: (request: { readonly url: string }) => boolean;
  /** The paths that `fetch` answers, as patterns of Hono, Express and Fastify. */
  readonly paths: ReadonlyArray<string>;
  /** Releases all resources; later calls reject. */
  readonly close: () => Promise<void>;
}

/** The policies by name, with whether their uploads need a checksum. */
type NeedsByPolicy = Readonly<Record<string, boolean>>;

type Operations = typeof OPERATIONS;

/** A call for each operation; those that take a policy know the names of all policies. */
export type Calls<Algorithm extends ChecksumAlgorithm, Policies extends NeedsByPolicy> = {
  readonly [Call in keyof Operations]: Call extends keyof ByPolicy<Algorithm, Policies, string>
    ? <Name extends keyof Policies & string = "files" & keyof Policies>(
        options: Asked & ByPolicy<Algorithm, Policies, Name>[Call],
      ) => Promise<Output<Call>>
    : (options: Asked & Input<Call>) => Promise<Output<Call>>;
};

/** The output of a call, as plain data. */
export type Output<Call extends keyof Operations> = Effect.Success<
  ReturnType<Operations[Call]["callWith"]>
>;

/** The input of a call; undefined stands for a member that is left out. */
type Input<Call extends keyof Operations> = Loose<NonNullable<Operations[Call]["options"]>>;

type Loose<A> = {
  readonly [Name in keyof A]: {} extends Pick<A, Name> ? A[Name] | undefined : A[Name];
};

/** The input of calls whose members depend on the policy. */
interface ByPolicy<
  Algorithm extends ChecksumAlgorithm,
  Policies extends NeedsByPolicy,
  Name extends string,
> {
  readonly requestUpload: Repeatable & PolicyNamed<Name> & FileWith<Algorithm, Policies[Name]>;
  readonly requestUploads: Repeatable &
    PolicyNamed<Name> &
    Omit<Input<"requestUploads">, "files" | "policy"> & {
      readonly files: ReadonlyArray<
        | (FileWith<Algorithm, Policies[Name]> & { readonly policy?: undefined })
        | {
            readonly [Own in keyof Policies & string]: FileWith<Algorithm, Policies[Own]> & {
              /** The policy of this file, rather than that of all. */
              readonly policy: Own;
            };
          }[keyof Policies & string]
      >;
    };
  readonly requestForm: PolicyNamed<Name> &
    Omit<Input<"requestForm">, "checksum" | "method" | "policy" | "strict">;
  readonly startMultipart: Repeatable & PolicyNamed<Name> & Omit<Input<"startMultipart">, "policy">;
}

interface Repeatable {
  /** 1 to 255 printable characters: a retry with the same ones gets the same objects. */
  readonly idempotencyKey?: string | undefined;
}

type PolicyNamed<Name extends string> = "files" extends Name
  ? {
      /** The policy; `files` if left out. */
      readonly policy?: Name | undefined;
    }
  : {
      /** The policy. */
      readonly policy: Name;
    };

type FileWith<Algorithm extends ChecksumAlgorithm, NeedsChecksum extends boolean> = Omit<
  Input<"requestUpload">,
  "checksum" | "method" | "policy"
> &
  (NeedsChecksum extends true
    ? {
        /** The store verifies the bytes by it; the policy requires it. */
        readonly checksum: Checksum<Algorithm>;
      }
    : {
        /** The store verifies the bytes by it. */
        readonly checksum?: Checksum<Algorithm> | undefined;
      });

/** The caller and the organization of a call. */
export interface Asked {
  readonly caller: Caller;
  /** The organization's name, as `organizations` knows it. */
  readonly organization: string;
}

/** A granted upload. */
export type Upload = Output<"requestUpload">;
/** A granted upload by an HTML form. */
export type FormUpload = Output<"requestForm">;
/** A granted upload in parts. */
export type MultipartUpload = Output<"startMultipart">;
/** A file that arrived as it was granted. */
export type Confirmation = Output<"confirmUpload">;
/** A file that was completed from its parts. */
export type CompletedUpload = Output<"completeMultipart">;
/** What a caller may upload. */
export type Policy = Output<"policies">[number];

/** Whether the uploads of each policy need a checksum. */
export type NeedsChecksum<
  Files extends PolicyOptions,
  Others extends Readonly<Record<string, PolicyOptions>>,
> = Shown<
  { readonly files: Needs<Files, false> } & {
    readonly [Name in keyof Others & string]: Needs<Others[Name], Needs<Files, false>>;
  }
>;

/** The same, written out so that an editor shows all members. */
type Shown<A> = A extends infer B ? { readonly [Name in keyof B]: B[Name] } : never;

type Needs<Policy, Otherwise extends boolean> = Policy extends {
  readonly requireChecksum: infer R extends boolean;
}
  ? R
  : Otherwise;

/** What a host passes with a request. */
export interface HandedOver {
  /** The address at the other end of the connection. */
  readonly address?: string | undefined;
  /** The caller, if the host already knows it; otherwise `authenticate` is called. */
  readonly caller?: Caller | null | undefined;
}
