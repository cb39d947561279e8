import type { ChecksumAlgorithm, SharedCount, Storage } from "./opaque.ts";

// What `createValetkey` takes: plain data and functions. The types stand by themselves, so that
// nobody who embeds the service has to know what it is made of.

/** Something that may be there later. */
export type Awaitable<A> = A | PromiseLike<A>;

/** A number of bytes, or text such as `"200 MiB"`. */
export type Size = number | `${number} ${"B" | "KiB" | "MiB" | "GiB" | "TiB"}`;

/** A length of time in whole seconds, such as `"15 minutes"`. */
export type Lifetime =
  `${number} ${"second" | "seconds" | "minute" | "minutes" | "hour" | "hours" | "day" | "days"}`;

/** A limit on requests, such as `"120 per minute"`. */
export type Rate = `${number} per ${"second" | "minute" | "hour" | "day"}`;

/** A digest of the file, in base64. */
export interface Checksum<Algorithm extends ChecksumAlgorithm = ChecksumAlgorithm> {
  readonly algorithm: Algorithm;
  readonly value: string;
}

/** Who asks. */
export interface Caller {
  /** A stable name for the caller, such as a user's id: 1 to 256 printable characters. */
  readonly id: string;
  /**
   * A person gets URLs for the store's public endpoint, a service those for the internal one;
   * `"user"` if left out.
   */
  readonly kind?: "user" | "service" | undefined;
  /** What the caller may do: upload, open files, confirm uploads; all of it if left out. */
  readonly scopes?: ReadonlyArray<"write" | "read" | "confirm"> | undefined;
}

/** What may be uploaded and by whom, and how long the URLs for it work. */
export interface PolicyOptions {
  /** Who may use it; persons and services if left out. */
  readonly callers?: ReadonlyArray<"user" | "service"> | undefined;
  /** The largest file; 10 MiB if left out, and at most what one PUT to the store carries. */
  readonly maxSize?: Size | undefined;
  /** Media types in lower case, `image/*` is understood; images, PDF and plain text if left out. */
  readonly allowedTypes?: ReadonlyArray<string> | undefined;
  /** How long the PUT works, 1 second to 7 days; 15 minutes if left out. */
  readonly putLifetime?: Lifetime | undefined;
  /** How long the GET works, 1 second to 7 days; 24 hours if left out. */
  readonly getLifetime?: Lifetime | undefined;
  /** Rather no URL than one that ends sooner; 1 minute if left out. */
  readonly minLifetime?: Lifetime | undefined;
  /** The store takes one PUT under a key, and no second. */
  readonly writeOnce?: boolean | undefined;
  /** All that the store can enforce is bound; the PUT then needs all of `putHeaders`. */
  readonly strict?: boolean | undefined;
  /** No upload without a checksum. */
  readonly requireChecksum?: boolean | undefined;
  /** PDF is shown in place rather than saved; browsers may run scripts in it. */
  readonly inlinePdf?: boolean | undefined;
  /** Whether `confirmUpload` removes what it finds to be another file; `"keep"` if left out. */
  readonly onMismatch?: "keep" | "delete" | undefined;
  /** After how many days the bucket removes what nobody has confirmed; it needs `writeOnce`. */
  readonly unconfirmedAfter?: `${number} ${"day" | "days"}` | undefined;
  /** The longest that a link may open a file; without it there are no links. */
  readonly linkLifetime?: Lifetime | undefined;
}

/** How much callers and organizations may take; what is left out has no limit. */
export interface LimitOptions {
  readonly requestsPerSubject?: Rate | undefined;
  readonly requestsPerOrganization?: Rate | undefined;
  /**
   * How many requests of one address may have nobody known to `authenticate`; those beyond are 429
   * rather than 401. Each process counts for itself. Where a proxy is in front, `trustedProxies`
   * has to name it, or all callers have one address.
   */
  readonly failedAuthentications?: Rate | undefined;
  /** What an organization may be granted in a day of UTC. */
  readonly bytesPerDay?: Size | undefined;
  /** How many uploads an organization may be granted in a day of UTC. */
  readonly objectsPerDay?: number | undefined;
  /** Where several processes count together; each counts for itself if left out. */
  readonly countIn?: SharedCount | undefined;
  /**
   * What happens while that does not answer: each process counts for itself (`"allow"`), or
   * requests are refused; `"allow"` if left out.
   */
  readonly onFailure?: "allow" | "refuse" | undefined;
}

/** An upload that was held against its receipt, and is what was promised. */
export interface ConfirmedUpload {
  readonly key: string;
  /** The organization's id. */
  readonly organization: string;
  /** Who was granted the upload: a caller's `id`. */
  readonly subject: string;
  /** In bytes. */
  readonly size: number;
  readonly contentType: string;
  readonly etag: string;
  readonly checksum?: Checksum;
  /** Whether the file can change no more through its PUT. */
  readonly final: boolean;
  /** Until when it can, where it is not final. */
  readonly mutableUntil?: Date;
}

/** A line of the log. */
export interface LogEntry {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  /** What the line is about; never a signature, a token or a URL of the store. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** What the service is made of. */
export interface ValetkeyOptions<
  Algorithm extends ChecksumAlgorithm = ChecksumAlgorithm,
  Files extends PolicyOptions = PolicyOptions,
  Others extends Readonly<Record<string, PolicyOptions>> = Readonly<Record<string, PolicyOptions>>,
> {
  /** Where files are kept: `minio({…})`, `aws({…})`, `gcs({…})` or `local({…})`. */
  readonly storage: Storage<Algorithm>;
  /** How clients reach this service, such as `https://app.example.com`; without a path. */
  readonly publicUrl: string | URL;
  /**
   * The path under which the host serves `fetch` at `publicUrl`, such as `"/uploads"`; all of the
   * origin if left out.
   */
  readonly basePath?: string | undefined;
  /**
   * The id of the organization that a caller names, or undefined or null where there is none or it is not
   * the caller's, who cannot tell which. The id is part of each key: 1 to 64 letters, digits, `_`
   * and `-`. Where it rejects, the answer is `IDENTITY_UNAVAILABLE`.
   */
  readonly organizations: (slug: string, caller: Caller) => Awaitable<string | null | undefined>;
  /**
   * Who sent a request to `fetch`, or undefined or null where nobody is known, which is refused. Where it
   * rejects, the answer is `IDENTITY_UNAVAILABLE`. Without it only requests that the host hands
   * over with a `caller` are let in.
   */
  readonly authenticate?:
    | ((request: {
        readonly headers: Headers;
        /** The address at the other end of the connection, where the host tells it. */
        readonly address: string | undefined;
      }) => Awaitable<Caller | null | undefined>)
    | undefined;
  /** The policy of uploads that name no other: `files`. */
  readonly policy?: (Files & PolicyOptions) | undefined;
  /** Further policies by their names; what one leaves out is as in `policy`. */
  readonly policies?: (Others & Readonly<Record<string, PolicyOptions>>) | undefined;
  /**
   * Is told of each confirmed upload before its confirmation is answered, more than once if it is
   * confirmed again. Where it rejects, so does the confirmation, which can be tried again.
   */
  readonly onConfirmed?: ((upload: ConfirmedUpload) => Awaitable<void>) | undefined;
  /**
   * Keys that seal receipts and links, `id:base64` of 32 bytes or more each: the first seals, all
   * open. Without them receipts end with the process, and the log warns of it.
   */
  readonly receiptKeys?: ReadonlyArray<string> | undefined;
  /**
   * Links that are taken back, each by what follows its last dot; or the path of a JSON file with
   * a list of them, with a slash in it, which is looked at every 5 seconds.
   */
  readonly linksDenied?: ReadonlyArray<string> | string | undefined;
  readonly limits?: LimitOptions | undefined;
  /** Origins whose pages may call `fetch`; that of `publicUrl` if left out. */
  readonly corsOrigins?: ReadonlyArray<string> | undefined;
  /**
   * Addresses and networks of proxies, such as `10.0.0.0/8`, which are believed when they tell a
   * caller's address in `X-Forwarded-For` or `Forwarded`; none if left out.
   */
  readonly trustedProxies?: ReadonlyArray<string> | undefined;
  /**
   * How the host knows its callers, for `/openapi.json`, as OpenAPI says it in `securitySchemes`
   * and `security`; a bearer token if left out.
   */
  readonly openapi?:
    | {
        readonly securitySchemes: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
        readonly security: ReadonlyArray<Readonly<Record<string, ReadonlyArray<string>>>>;
      }
    | undefined;
  /** Gets the log; warnings and errors go to the console if left out. */
  readonly log?: ((entry: LogEntry) => void) | undefined;
}
