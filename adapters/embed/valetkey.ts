import type { CallContext, Caller } from "./call-context.ts";
import type { Calls, Inputs, MultipartUpload, Upload } from "./operations.ts";

/** Uploads straight into a store. A refused call rejects with a `ValetkeyError`. */
export interface Valetkey<Policy extends string = string> extends Omit<
  Calls,
  "requestUpload" | "requestUploads" | "startMultipart"
> {
  /**
   * Resolves once uploads can be signed and the bucket exists, and rejects with what is wrong, such
   * as a missing package. Other calls do not need it: it lets a service fail at startup.
   */
  readonly ready: () => Promise<void>;
  /**
   * Grants one upload: a new key in the organization, and a PUT bound to exactly what was asked
   * for. Nothing is stored, and the store is not called.
   */
  readonly requestUpload: (upload: UploadRequest<Policy>) => Promise<Upload>;
  /**
   * Grants several uploads, in the order of `files`, or none of them. The limits decide once for
   * all. What is refused of one file names it in `errors`, as in `/files/3/size`.
   */
  readonly requestUploads: (batch: UploadsRequest<Policy>) => Promise<ReadonlyArray<Upload>>;
  /**
   * Starts an upload in parts, for a large file: a new key in the organization, begun in the store.
   * All its bytes count for the quotas of the day.
   */
  readonly startMultipart: (upload: MultipartRequest<Policy>) => Promise<MultipartUpload>;
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

/** A call whose policy, `files` if left out, is one of those that are configured. */
type OfPolicy<Call extends keyof Inputs, Policy extends string> = CallContext &
  Omit<Inputs[Call], "policy" | "files"> & { readonly policy?: Policy | undefined };

/** The file to upload. */
export type UploadRequest<Policy extends string = string> = OfPolicy<"requestUpload", Policy>;

/** The file to upload in parts. Where its policy requires a checksum, each part has to have one. */
export type MultipartRequest<Policy extends string = string> = OfPolicy<"startMultipart", Policy>;

/** The files to upload together: 1 to 100. What one leaves out is taken from that of all. */
export type UploadsRequest<Policy extends string = string> = OfPolicy<"requestUploads", Policy> & {
  readonly files: ReadonlyArray<Omit<UploadRequest<Policy>, keyof CallContext>>;
};

/** An upload in parts that was started. */
export type UploadInParts = CallContext & Inputs["listParts"];

/** A part that was sent. */
export type SentPart = Inputs["completeMultipart"]["parts"][number];

/** Facts that a host passes with a request. */
export interface RequestFacts {
  /** The address at the other end of the connection. */
  readonly address?: string | undefined;
  /** The caller, if the host already knows it; otherwise `authenticate` is called. */
  readonly caller?: Caller | null | undefined;
}
