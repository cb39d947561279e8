import type { CallContext, Caller } from "./call-context.ts";
import type { ChecksumAlgorithm } from "./opaque.ts";
import type { Calls, Inputs, MultipartUpload, Upload } from "./operations.ts";
import type { Checksum, PolicyOptions } from "./valetkey-options.ts";

/** Uploads straight into a store. A refused call rejects with a `ValetkeyError`. */
export interface Valetkey<
  Algorithm extends ChecksumAlgorithm = ChecksumAlgorithm,
  Policies extends Readonly<Record<string, boolean>> = Readonly<Record<string, boolean>>,
> extends Omit<Calls, "requestUpload" | "requestUploads" | "startMultipart"> {
  /**
   * Resolves once uploads can be signed and the bucket exists, and rejects with what is wrong, such
   * as a missing package. Other calls do not need it: it lets a service fail at startup.
   */
  readonly ready: () => Promise<void>;
  /**
   * Grants one upload: a new key in the organization, and a PUT bound to exactly what was asked
   * for. Nothing is stored, and the store is not called.
   */
  readonly requestUpload: <Name extends keyof Policies & string = "files" & keyof Policies>(
    upload: UploadRequest<Algorithm, Policies, Name>,
  ) => Promise<Upload>;
  /**
   * Grants several uploads, in the order of `files`, or none of them. The limits decide once for
   * all. What is refused of one file names it in `errors`, as in `/files/3/size`.
   */
  readonly requestUploads: <Name extends keyof Policies & string = "files" & keyof Policies>(
    batch: UploadsRequest<Algorithm, Policies, Name>,
  ) => Promise<ReadonlyArray<Upload>>;
  /**
   * Starts an upload in parts, for a large file: a new key in the organization, begun in the store.
   * All its bytes count for the quotas of the day.
   */
  readonly startMultipart: <Name extends keyof Policies & string = "files" & keyof Policies>(
    upload: MultipartRequest<Policies, Name>,
  ) => Promise<MultipartUpload>;
  /**
   * Answers a request to the HTTP API, and with `local()` to the store; 404 for a path that is not
   * one of `paths`. What a host passes in `from` is trusted.
   */
  readonly fetch: (request: Request, from?: RequestFacts) => Promise<Response>;
  /** True if the path of a request is one of `paths`; other requests are the host's. */
  readonly handles: (request: { readonly url: string }) => boolean;
  /** The paths that `fetch` answers, as patterns of Hono, Express and Fastify. */
  readonly paths: ReadonlyArray<string>;
  /** Releases all resources; later calls reject. */
  readonly close: () => Promise<void>;
}

/** For each policy, true if its uploads need a checksum. */
export type NeedsChecksum<
  Files extends PolicyOptions,
  Others extends Readonly<Record<string, PolicyOptions>>,
> = Simplify<
  { readonly files: RequiresChecksum<Files, false> } & {
    readonly [Name in keyof Others & string]: RequiresChecksum<
      Others[Name],
      RequiresChecksum<Files, false>
    >;
  }
>;

/** The same, written out so that an editor shows all members. */
type Simplify<A> = A extends infer B ? { readonly [Name in keyof B]: B[Name] } : never;

type RequiresChecksum<Policy, Otherwise extends boolean> = Policy extends {
  readonly requireChecksum: infer R extends boolean;
}
  ? R
  : Otherwise;

/** The file to upload. */
export type UploadRequest<
  Algorithm extends ChecksumAlgorithm = ChecksumAlgorithm,
  Policies extends Readonly<Record<string, boolean>> = Readonly<Record<string, boolean>>,
  Name extends keyof Policies & string = keyof Policies & string,
> = CallContext & FileFacts & OfPolicy<Name> & MayNeedChecksum<Algorithm, Policies[Name]>;

/** The file to upload in parts. Where its policy requires a checksum, each part has to have one. */
export type MultipartRequest<
  Policies extends Readonly<Record<string, boolean>> = Readonly<Record<string, boolean>>,
  Name extends keyof Policies & string = keyof Policies & string,
> = CallContext &
  Omit<FileFacts, "strict"> &
  OfPolicy<Name> & {
    /** Of the whole file. Each part then needs one of the same algorithm. */
    readonly checksum?: Checksum | undefined;
  };

/** An upload in parts that was started. */
export type UploadInParts = CallContext & Inputs["listParts"];

/** A part that was sent. */
export type SentPart = Inputs["completeMultipart"]["parts"][number];

/** The files to upload together: 1 to 100. */
export type UploadsRequest<
  Algorithm extends ChecksumAlgorithm = ChecksumAlgorithm,
  Policies extends Readonly<Record<string, boolean>> = Readonly<Record<string, boolean>>,
  Name extends keyof Policies & string = keyof Policies & string,
> = CallContext &
  OfPolicy<Name> & {
    readonly files: ReadonlyArray<
      | (FileFacts & { readonly policy?: undefined } & MayNeedChecksum<Algorithm, Policies[Name]>)
      | {
          readonly [Own in keyof Policies & string]: FileFacts & {
            /** The policy of this file, rather than that of all. */
            readonly policy: Own;
          } & MayNeedChecksum<Algorithm, Policies[Own]>;
        }[keyof Policies & string]
    >;
    /** `strict` of the files that leave it out. */
    readonly strict?: boolean | undefined;
    /** `metadata` of the files that leave it out. */
    readonly metadata?: FileFacts["metadata"];
  };

type FileFacts = Omit<Inputs["requestUpload"], "checksum" | "policy">;

type OfPolicy<Name extends string> = "files" extends Name
  ? {
      /** The policy; `files` if left out. */
      readonly policy?: Name | undefined;
    }
  : {
      /** The policy. */
      readonly policy: Name;
    };

type MayNeedChecksum<
  Algorithm extends ChecksumAlgorithm,
  IsNeeded extends boolean,
> = IsNeeded extends true
  ? {
      /** The store verifies the bytes by it; the policy requires it. */
      readonly checksum: Checksum<Algorithm>;
    }
  : {
      /** The store verifies the bytes by it. */
      readonly checksum?: Checksum<Algorithm> | undefined;
    };

/** Facts that a host passes with a request. */
export interface RequestFacts {
  /** The address at the other end of the connection. */
  readonly address?: string | undefined;
  /** The caller, if the host already knows it; otherwise `authenticate` is called. */
  readonly caller?: Caller | null | undefined;
}
