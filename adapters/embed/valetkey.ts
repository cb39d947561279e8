import type { ChecksumAlgorithm } from "./opaque.ts";
import type { Caller, Checksum, ConfirmedUpload, PolicyOptions } from "./valetkey-options.ts";

/**
 * Uploads straight into a store. Calls that are refused reject with a `ValetkeyError`, which
 * `isValetkeyError` tells from others.
 */
export interface Valetkey<
  Algorithm extends ChecksumAlgorithm = ChecksumAlgorithm,
  Policies extends Readonly<Record<string, boolean>> = Readonly<Record<string, boolean>>,
> {
  /**
   * Resolves once uploads can be signed and the bucket is there, made where `createBucket` says
   * so; rejects with what is wrong, such as a package that is missing. Not needed before other
   * calls: it lets a service that cannot work fail when it starts.
   */
  readonly ready: () => Promise<void>;
  /**
   * Grants one upload: a new key in the organization, and a PUT that is bound to exactly what was
   * asked for. Nothing is stored, and the store is not asked.
   */
  readonly requestUpload: <Name extends keyof Policies & string = "files" & keyof Policies>(
    upload: UploadRequest<Algorithm, Policies, Name>,
  ) => Promise<Upload>;
  /** Asks the store whether what a receipt was given for is what arrived. */
  readonly confirmUpload: (upload: Asked & { readonly receipt: string }) => Promise<Confirmation>;
  /**
   * A link that opens the file of a receipt for whoever holds it, where the receipt's policy allows
   * links (`linkLifetime`). It lives for `expiresIn` seconds; as long as the policy allows if left
   * out.
   */
  readonly makeLink: (
    file: Asked & { readonly receipt: string; readonly expiresIn?: number | undefined },
  ) => Promise<Link>;
  /** A fresh GET for a file of the organization; the store is not asked whether it is there. */
  readonly openFile: (
    file: Asked & {
      readonly key: string;
      /** The file is saved, whatever its type. */
      readonly download?: boolean | undefined;
    },
  ) => Promise<OpenedFile>;
  /**
   * Answers a request to the HTTP API: what stands under `/api/v1/orgs/`, `/f/`, `/openapi.json`
   * and `/docs`, and with `local()` under `/store/`; 404 for all else. What a host tells in `from`
   * is believed.
   */
  readonly fetch: (request: Request, from?: HandedOver) => Promise<Response>;
  /** Whether `fetch` answers a request; all else is the host's. */
  readonly handles: (request: { readonly url: string }) => boolean;
  /**
   * Where `fetch` answers, as patterns that Hono, Express and Fastify read alike, such as
   * `/api/v1/orgs/:slug/files/*`; all else is the host's.
   */
  readonly paths: ReadonlyArray<string>;
  /** Gives back what is held; calls reject from then on. */
  readonly close: () => Promise<void>;
}

/** For each policy by its name, whether its uploads need a checksum. */
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

/** What each call says of who asks, and for which organization. */
export interface Asked {
  readonly caller: Caller;
  /** The organization's name, as `organizations` knows it. */
  readonly organization: string;
}

/** A file that somebody wants to upload. */
export type UploadRequest<
  Algorithm extends ChecksumAlgorithm = ChecksumAlgorithm,
  Policies extends Readonly<Record<string, boolean>> = Readonly<Record<string, boolean>>,
  Name extends keyof Policies & string = keyof Policies & string,
> = Asked & {
  /** What a person called the file; it becomes no part of a path. */
  readonly filename: string;
  /** The media type, exactly as the PUT will declare it. */
  readonly contentType: string;
  /** In bytes. */
  readonly size: number;
  /** Everything that the store can enforce is bound; the PUT then needs all of `putHeaders`. */
  readonly strict?: boolean | undefined;
  /** The same upload again under the same key gives the same object: 1 to 255 printable characters. */
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
        /** What the store verifies the bytes by; the policy needs it. */
        readonly checksum: Checksum<Algorithm>;
      }
    : {
        /** What the store verifies the bytes by. */
        readonly checksum?: Checksum<Algorithm> | undefined;
      });

/** An upload that was granted. */
export interface Upload {
  /** The object's name in the bucket, to keep beside what it belongs to. */
  readonly key: string;
  /** Where the file is PUT. */
  readonly putUrl: string;
  /** The headers that the PUT must carry. */
  readonly putHeaders: Readonly<Record<string, string>>;
  readonly putExpiresAt: Date;
  /** Where the file is once it is there. */
  readonly getUrl: string;
  readonly getExpiresAt: Date;
  /** The sealed memory of what was granted, for `confirmUpload`. */
  readonly receipt: string;
}

/** A file that is what was granted. */
export interface Confirmation extends Omit<ConfirmedUpload, "organization" | "subject"> {
  readonly getUrl: string;
  readonly getExpiresAt: Date;
  /** Leads members of the organization to the file, for as long as it is there. */
  readonly fileUrl: string;
}

/** A link to a file. */
export interface Link {
  /** Opens the file for whoever holds it. */
  readonly linkUrl: string;
  readonly expiresAt: Date;
}

/** Where a file is to be had. */
export interface OpenedFile {
  readonly url: string;
  readonly expiresAt: Date;
}

/** What a host tells of a request that it hands over. */
export interface HandedOver {
  /** The address at the other end of the connection. */
  readonly address?: string | undefined;
  /**
   * Who calls, where the host knows that already; `authenticate` is asked only where it is left
   * out, undefined or null.
   */
  readonly caller?: Caller | null | undefined;
}
