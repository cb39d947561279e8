import type { WrittenSize as Size } from "../../domain/byte-size.ts";
import type { WrittenLifetime as Lifetime } from "../../domain/lifetime.ts";
import type { WrittenPolicy as PolicyOptions } from "../../domain/upload-policy.ts";
import type { CallContext, Caller, Events, SharedCount, Storage } from "./arguments.ts";
import type { Calls, Confirmation, Inputs, MultipartUpload, Upload } from "./operations.ts";

// The declarations of `valetkey`: plain data and functions, so that embedders need not know the
// inner types.

export type { Lifetime, PolicyOptions, Size };

/** Uploads straight into a store. A refused call rejects with a `ValetkeyError`. */
export interface Valetkey<Policy extends string = string> extends Omit<
  Calls,
  "requestUpload" | "requestUploads" | "startMultipart"
> {
  /**
   * Resolves once uploads can be signed and the bucket exists; rejects with the reason, such as a
   * missing package. Other calls do not need it: it lets a service fail at startup.
   */
  readonly ready: () => Promise<void>;
  /**
   * Grants one upload: a new key in the organization, and a PUT bound to exactly the requested
   * file. Nothing is stored, and the store is not called.
   */
  readonly requestUpload: (upload: UploadRequest<Policy>) => Promise<Upload>;
  /**
   * Grants several uploads, in the order of `files`, or none of them. The limits count them
   * together. A refused file is named in `errors`, as in `/files/3/size`.
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
  /** Returns true if the path of a request is one of `paths`; other requests are the host's. */
  readonly handles: (request: { readonly url: string }) => boolean;
  /** The paths that `fetch` answers, as patterns of Hono, Express and Fastify. */
  readonly paths: ReadonlyArray<string>;
  /** Releases all resources; later calls reject. */
  readonly close: () => Promise<void>;
}

/** A call whose policy, `files` if left out, is one of the configured ones. */
type OfPolicy<Call extends keyof Inputs, Policy extends string> = CallContext &
  Omit<Inputs[Call], "policy" | "files"> & { readonly policy?: Policy | undefined };

/** The file to upload. */
export type UploadRequest<Policy extends string = string> = OfPolicy<"requestUpload", Policy>;

/** The file to upload in parts. Where its policy requires a checksum, each part has to have one. */
export type MultipartRequest<Policy extends string = string> = OfPolicy<"startMultipart", Policy>;

/** The files to upload together: 1 to 100. Members that a file omits are those of the batch. */
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

/** A value, or a promise of it. */
export type Awaitable<A> = A | PromiseLike<A>;

/** A limit on requests, such as `"120 per minute"`. */
export type Rate = `${number} per ${"second" | "minute" | "hour" | "day"}`;

/** Limits on callers and organizations; a member that is left out has no limit. */
export interface LimitOptions {
  readonly requestsPerSubject?: Rate | undefined;
  readonly requestsPerOrganization?: Rate | undefined;
  /**
   * Most requests of one address that may fail `authenticate`; further ones are 429 instead of 401.
   * Each process counts for itself. Behind a proxy this needs `trustedProxies`.
   */
  readonly failedAuthentications?: Rate | undefined;
  /** The bytes that an organization may be granted in one day (UTC). */
  readonly bytesPerDay?: Size | undefined;
  /** The bytes that one caller may be granted in an organization in one day (UTC). */
  readonly bytesPerSubjectPerDay?: Size | undefined;
  /** The uploads that an organization may be granted in one day (UTC). */
  readonly objectsPerDay?: number | undefined;
  /**
   * Counts what is stored, and compares it with the store: true if one of the next two is set, or
   * else false.
   */
  readonly usage?: boolean | undefined;
  /** The bytes that an organization may have stored. */
  readonly storedBytes?: Size | undefined;
  /** The bytes of a caller's folder, where the policy's key has `{subject}`. */
  readonly storedBytesPerSubject?: Size | undefined;
  /** The uploads of an organization that may be open at once. */
  readonly openUploads?: number | undefined;
  /** The uploads of one caller in an organization that may be open at once. */
  readonly openUploadsPerSubject?: number | undefined;
  /** What happens to uploads while it is not known what is stored; `"allow"` if left out. */
  readonly storedBytesUnknown?: "allow" | "refuse" | undefined;
  /** The counter that several processes share; each counts for itself if left out. */
  readonly countIn?: SharedCount | undefined;
  /** Lets each process count for itself while it is down, or refuses all; `"allow"` if left out. */
  readonly onFailure?: "allow" | "refuse" | undefined;
}

/** An upload that arrived as its receipt says. */
export interface ConfirmedUpload extends Omit<
  Confirmation,
  "getUrl" | "getExpiresAt" | "fileUrl" | "serverData"
> {
  /** The organization's id. */
  readonly organization: string;
  /** The `id` of the caller who was granted the upload. */
  readonly subject: string;
}

/** The store of new uploads, and the one from which files are moved. */
export interface StorePlace {
  readonly store: string;
  readonly from?: string | undefined;
}

/** A line of the log. */
export interface LogEntry {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  /** The facts of the line; never a signature, a token or a URL of the store. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** The options of `createValetkey`. */
export interface ValetkeyOptions<Name extends string = string> {
  /** The store, such as `minio({…})` or `local({…})`. */
  readonly storage: Storage;
  /**
   * Further stores by their names: lower-case letters, digits and hyphens, first a letter. `storage`
   * is the store `default`. Each is opened when it is first used. See docs/stores/several.md.
   */
  readonly stores?: Readonly<Record<string, Storage>> | undefined;
  /**
   * Returns where the files of an organization are, by its id: the name of a store, or two, while
   * files are moved; undefined or null for `default`. Called for each request, also for those of
   * strangers with a link. If it rejects, the answer is `IDENTITY_UNAVAILABLE`.
   */
  readonly storeOf?:
    | ((organizationId: string) => Awaitable<string | StorePlace | null | undefined>)
    | undefined;
  /** The origin at which clients reach this service, such as `https://app.example.com`. */
  readonly publicUrl: string | URL;
  /** The path at which the host serves `fetch`, such as `"/uploads"`; none if left out. */
  readonly basePath?: string | undefined;
  /**
   * Returns the id of the organization that a caller names, or undefined or null if it does not
   * exist or is not the caller's; a caller cannot tell which. The id is part of each key: 1 to 64
   * letters, digits, `_` and `-`. If it rejects, the answer is `IDENTITY_UNAVAILABLE`.
   */
  readonly organizations: (slug: string, caller: Caller) => Awaitable<string | null | undefined>;
  /**
   * Returns the caller of a request to `fetch`, or undefined or null to refuse the request. If it
   * rejects, the answer is `IDENTITY_UNAVAILABLE`. Without it, the host must pass a `caller`.
   */
  readonly authenticate?:
    | ((request: {
        readonly headers: Headers;
        /** The address of the connection's other end, if the host passes it. */
        readonly address: string | undefined;
      }) => Awaitable<Caller | null | undefined>)
    | undefined;
  /** The policy `files`, for uploads that name no policy. */
  readonly policy?: PolicyOptions | undefined;
  /** Further policies by name; members that one leaves out are those of `policy`. */
  readonly policies?: Readonly<Record<Name, PolicyOptions>> | undefined;
  /**
   * The clamd of policies with `scan: "clamd"`: its host and port, such as `"127.0.0.1:3310"`, or
   * the path of its socket.
   */
  readonly clamdAddress?: string | undefined;
  /**
   * Where browsers read public files, and with `cdnSigner` all files: a CDN, or the bucket's public
   * address. See docs/cdn.md.
   */
  readonly cdnUrl?: string | URL | undefined;
  /** The CDN that checks signatures; only public files are read there if left out. */
  readonly cdnSigner?: "cloudfront" | "google" | undefined;
  /** The id of CloudFront's public key, or the name of Google's key. */
  readonly cdnKeyId?: string | undefined;
  /** The private key for CloudFront in PEM; for Google, 16 bytes in base64url. */
  readonly cdnKey?: string | undefined;
  /** The server that shows pictures in the widths of `images` of their policy: see docs/images.md. */
  readonly images?: "imgproxy" | "thumbor" | "cloudflare" | undefined;
  /** The address of the image server for browsers; at Cloudflare, that of a zone. */
  readonly imagesUrl?: string | URL | undefined;
  /** The key that signs addresses: `IMGPROXY_KEY`, or `SECURITY_KEY` of thumbor. */
  readonly imagesKey?: string | undefined;
  /** `IMGPROXY_SALT`, for imgproxy alone. */
  readonly imagesSalt?: string | undefined;
  /**
   * Called before each confirmation is answered, also of an upload that was confirmed before. If it
   * rejects, the confirmation rejects too and can be retried. The client gets what it returns as
   * `serverData`: up to 4 KiB of JSON. Anything else is left out, and the log says why.
   */
  readonly onConfirmed?: ((upload: ConfirmedUpload) => unknown) | undefined;
  /**
   * Keys that seal receipts and links, `id:base64` of at least 32 bytes each: the first seals, all
   * open. If left out, receipts end with the process, and the log warns of it.
   */
  readonly receiptKeys?: ReadonlyArray<string> | undefined;
  /** The receiver of events: `events({…})`; there is none if left out. */
  readonly events?: Events | undefined;
  readonly limits?: LimitOptions | undefined;
  /** Origins whose pages may call `fetch`; the origin of `publicUrl` if left out. */
  readonly corsOrigins?: ReadonlyArray<string> | undefined;
  /** Proxies, such as `10.0.0.0/8`, whose `X-Forwarded-For` or `Forwarded` is trusted. */
  readonly trustedProxies?: ReadonlyArray<string> | undefined;
  /** The authentication that `/openapi.json` describes; a bearer token if left out. */
  readonly openapi?:
    | {
        readonly securitySchemes: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
        readonly security: ReadonlyArray<Readonly<Record<string, ReadonlyArray<string>>>>;
      }
    | undefined;
  /** Receives the log; warnings and errors go to the console if left out. */
  readonly log?: ((entry: LogEntry) => void) | undefined;
}
