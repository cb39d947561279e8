import type { ChecksumAlgorithm } from "./opaque.ts";
import type { Caller, Checksum, ConfirmedUpload, PolicyOptions } from "./valetkey-options.ts";

/**
 * Uploads straight into a store. A refused call rejects with a `ValetkeyError`, which
 * `isValetkeyError` recognizes.
 */
export interface Valetkey<
  Algorithm extends ChecksumAlgorithm = ChecksumAlgorithm,
  Policies extends Readonly<Record<string, boolean>> = Readonly<Record<string, boolean>>,
> {
  /**
   * Resolves once uploads can be signed and the bucket exists (`createBucket` makes it if it is
   * missing). Rejects with what is wrong, such as a missing package. Other calls do not need it: it
   * lets a service that cannot work fail at startup.
   */
  readonly ready: () => Promise<void>;
  /**
   * Grants one upload: a new key in the organization, and a PUT bound to exactly what was asked
   * for. Nothing is stored, and the store is not called.
   */
  readonly requestUpload: <Name extends keyof Policies & string = "files" & keyof Policies>(
    upload: UploadRequest<Algorithm, Policies, Name>,
  ) => Promise<Upload>;
  /** Asks the store whether the upload arrived as its receipt says. */
  readonly confirmUpload: (upload: Asked & { readonly receipt: string }) => Promise<Confirmation>;
  /**
   * Makes a link that opens the file of a receipt for whoever holds it, if the receipt's policy
   * allows links (`linkLifetime`). It lasts `expiresIn` seconds, or as long as the policy allows if
   * that is left out.
   */
  readonly makeLink: (
    file: Asked & { readonly receipt: string; readonly expiresIn?: number | undefined },
  ) => Promise<Link>;
  /**
   * Makes a new signed GET for a file of the organization. The store is not asked whether the file
   * exists.
   */
  readonly openFile: (
    file: Asked & {
      readonly key: string;
      /** Saves the file rather than showing it, whatever its type. */
      readonly download?: boolean | undefined;
    },
  ) => Promise<OpenedFile>;
  /**
   * Answers a request to the HTTP API: the paths under `/api/v1/orgs/`, `/f/`, `/openapi.json` and
   * `/docs`, and with `local()` under `/store/`; 404 for every other path. What a host passes in
   * `from` is trusted.
   */
  readonly fetch: (request: Request, from?: HandedOver) => Promise<Response>;
  /** Whether `fetch` answers a request; other requests are the host's. */
  readonly handles: (request: { readonly url: string }) => boolean;
  /**
   * The paths that `fetch` answers, as patterns that Hono, Express and Fastify read alike, such as
   * `/api/v1/orgs/:slug/files/*`; other paths are the host's.
   */
  readonly paths: ReadonlyArray<string>;
  /** Releases all resources; later calls reject. */
  readonly close: () => Promise<void>;
}

/** For each policy by name, whether its uploads need a checksum. */
export type NeedsChecksum<
  Files extends PolicyOptions,
  Others extends Readonly<Record<string, PolicyOptions>>,
> = Shown<
  { readonly files: Needs<Files, false> } & {
    readonly [Name in keyof Others & string]: Needs<Others[Name], Needs<Files, false>>;
  }
>;

/** The same, spelt out where an editor shows it. */
type Shown<A> = A extends infer B ? { readonly [Name in keyof B]: B[Name] } : never;

type Needs<Policy, Otherwise extends boolean> = Policy extends { readonly requireChecksum: infer R }
  ? R extends boolean
    ? R
    : Otherwise
  : Otherwise;

/** The caller and the organization of a call. */
export interface Asked {
  readonly caller: Caller;
  /** The organization's name, as `organizations` knows it. */
  readonly organization: string;
}

/** The file to upload. */
export type UploadRequest<
  Algorithm extends ChecksumAlgorithm = ChecksumAlgorithm,
  Policies extends Readonly<Record<string, boolean>> = Readonly<Record<string, boolean>>,
  Name extends keyof Policies & string = keyof Policies & string,
> = Asked & {
  /** The file's name as a person gave it; it never becomes part of a path. */
  readonly filename: string;
  /** The media type, exactly as the PUT will send it. */
  readonly contentType: string;
  /** In bytes. */
  readonly size: number;
  /** Binds everything that the store can enforce; the PUT then needs all of `putHeaders`. */
  readonly strict?: boolean | undefined;
  /**
   * A key for retries, 1 to 255 printable characters: the same upload with the same key gets the
   * same object.
   */
  readonly idempotencyKey?: string | undefined;
} & ("files" extends Name
    ? {
        /** The policy; `files` if left out. */
        readonly policy?: Name | undefined;
      }
    : {
        /** The policy. */
        readonly policy: Name;
      }) &
  (Policies[Name] extends true
    ? {
        /** The checksum by which the store verifies the bytes; the policy requires it. */
        readonly checksum: Checksum<Algorithm>;
      }
    : {
        /** What the store verifies the bytes by. */
        readonly checksum?: Checksum<Algorithm> | undefined;
      });

/** A granted upload. */
export interface Upload {
  /** The object's name in the bucket; store it with your own data. */
  readonly key: string;
  /** The URL for the PUT of the file. */
  readonly putUrl: string;
  /** The headers that the PUT must carry. */
  readonly putHeaders: Readonly<Record<string, string>>;
  readonly putExpiresAt: Date;
  /** The URL of the file after its upload. */
  readonly getUrl: string;
  readonly getExpiresAt: Date;
  /** The receipt for `confirmUpload`. */
  readonly receipt: string;
}

/** A file that arrived as it was granted. */
export interface Confirmation extends Omit<ConfirmedUpload, "organization" | "subject"> {
  readonly getUrl: string;
  readonly getExpiresAt: Date;
  /** An address that opens the file for members of the organization, as long as the file exists. */
  readonly fileUrl: string;
}

/** A link to a file. */
export interface Link {
  /** Opens the file for whoever holds it. */
  readonly linkUrl: string;
  readonly expiresAt: Date;
}

/** A URL of a file. */
export interface OpenedFile {
  readonly url: string;
  readonly expiresAt: Date;
}

/** What a host passes with a request. */
export interface HandedOver {
  /** The address at the other end of the connection. */
  readonly address?: string | undefined;
  /**
   * The caller, if the host already knows it. `authenticate` is called only if this is left out,
   * undefined or null.
   */
  readonly caller?: Caller | null | undefined;
}
