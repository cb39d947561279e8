import type { ChecksumAlgorithm } from "./opaque.ts";
import type { Caller, Checksum, ConfirmedUpload, PolicyOptions } from "./valetkey-options.ts";

/** Uploads straight into a store. A refused call rejects with a `ValetkeyError`. */
export interface Valetkey<
  Algorithm extends ChecksumAlgorithm = ChecksumAlgorithm,
  Policies extends Readonly<Record<string, boolean>> = Readonly<Record<string, boolean>>,
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
   * Grants one upload by an HTML form, which needs no script: of exactly `size` bytes, or of any
   * size that the policy allows. Rejects where the store takes no forms, and for a policy with
   * `strict`, `writeOnce` or `requireChecksum`, which a form cannot be bound to.
   */
  readonly requestForm: <Name extends keyof Policies & string = "files" & keyof Policies>(
    form: FormRequest<Policies, Name>,
  ) => Promise<FormUpload>;
  /** Asks the store whether the upload arrived as its receipt says. */
  readonly confirmUpload: (upload: Asked & { readonly receipt: string }) => Promise<Confirmation>;
  /**
   * Starts an upload in parts, for a large file: a new key in the organization, begun in the store.
   * All its bytes count for the quotas of the day.
   */
  readonly startMultipart: <Name extends keyof Policies & string = "files" & keyof Policies>(
    upload: MultipartRequest<Policies, Name>,
  ) => Promise<MultipartUpload>;
  /** Signs a PUT for each of 1 to 100 parts, bound to the part's exact bytes. */
  readonly signParts: (
    parts: UploadInParts & {
      readonly partNumbers: ReadonlyArray<number>;
      /** The checksum of each of these parts, in the same order. */
      readonly checksums?: ReadonlyArray<Checksum> | undefined;
    },
  ) => Promise<ReadonlyArray<SignedPart>>;
  /** Lists the parts that are in the store, by their numbers. */
  readonly listParts: (upload: UploadInParts) => Promise<ReadonlyArray<StoredPart>>;
  /**
   * Makes the file of all its parts, in any order, once they are as they were granted. Completing
   * again gives the same file.
   */
  readonly completeMultipart: (
    upload: UploadInParts & { readonly parts: ReadonlyArray<SentPart> },
  ) => Promise<CompletedUpload>;
  /** Ends an upload and removes its parts; a file that was completed stays. */
  readonly abortMultipart: (upload: UploadInParts) => Promise<void>;
  /**
   * Makes a link that opens the file for whoever has it, if the policy of the receipt has
   * `linkLifetime`. It works for `expiresIn` seconds; for `linkLifetime` if that is left out. It
   * opens the `version` that confirming named; the one that is there now if that is left out.
   */
  readonly makeLink: (
    file: Asked & {
      readonly receipt: string;
      readonly expiresIn?: number | undefined;
      readonly version?: string | undefined;
    },
  ) => Promise<Link>;
  /** Signs a GET for a file of the organization; the store is not asked whether it exists. */
  readonly openFile: (
    file: Asked & {
      readonly key: string;
      /** Whether browsers save the file rather than show it, whatever its type. */
      readonly download?: boolean | undefined;
      /** As confirming named it, if the bucket keeps several; the newest if left out. */
      readonly version?: string | undefined;
    },
  ) => Promise<OpenedFile>;
  /** Lists the policies that the caller may use; `requestUpload` enforces exactly these. */
  readonly policies: (call: Asked) => Promise<ReadonlyArray<Policy>>;
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
> = Asked & Repeatable & FileFacts & OfPolicy<Name> & MayNeedChecksum<Algorithm, Policies[Name]>;

/** The file to upload in parts. Where its policy requires a checksum, each part has to have one. */
export type MultipartRequest<
  Policies extends Readonly<Record<string, boolean>> = Readonly<Record<string, boolean>>,
  Name extends keyof Policies & string = keyof Policies & string,
> = Asked &
  Repeatable &
  Omit<FileFacts, "strict"> &
  OfPolicy<Name> & {
    /** Of the whole file. Each part then needs one of the same algorithm. */
    readonly checksum?: Checksum | undefined;
  };

/** An upload in parts that was started. */
export interface UploadInParts extends Asked {
  /** As `startMultipart` gave it. */
  readonly upload: string;
}

/** The files to upload together: 1 to 100. */
export type UploadsRequest<
  Algorithm extends ChecksumAlgorithm = ChecksumAlgorithm,
  Policies extends Readonly<Record<string, boolean>> = Readonly<Record<string, boolean>>,
  Name extends keyof Policies & string = keyof Policies & string,
> = Asked &
  Repeatable &
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
  };

/** The file that a form will send. */
export type FormRequest<
  Policies extends Readonly<Record<string, boolean>> = Readonly<Record<string, boolean>>,
  Name extends keyof Policies & string = keyof Policies & string,
> = Asked &
  OfPolicy<Name> &
  Pick<FileFacts, "filename"> & {
    /** The media type of the stored file, whatever the browser says of it. */
    readonly contentType: string;
    /** In bytes; any size that the policy allows if left out. */
    readonly size?: number | undefined;
  };

interface FileFacts {
  /** The file's name as a person gave it; it never becomes part of a path. */
  readonly filename: string;
  /** The media type, exactly as the PUT will send it. */
  readonly contentType: string;
  /** In bytes. */
  readonly size: number;
  /** Binds everything that the store can enforce; the PUT then needs all of `putHeaders`. */
  readonly strict?: boolean | undefined;
}

interface Repeatable {
  /** 1 to 255 printable characters: a retry with the same ones gets the same objects. */
  readonly idempotencyKey?: string | undefined;
}

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

/** A granted upload in parts. */
export interface MultipartUpload {
  /** Goes with every further call; only the caller of `startMultipart` and services may use it. */
  readonly upload: string;
  /** The object's name in the bucket; store it with your own data. */
  readonly key: string;
  /** The bytes of each part but the last, which has what is left. */
  readonly partSize: number;
  /** The last part has this number, the first has 1. */
  readonly partCount: number;
  /** Until when parts can be uploaded and the upload completed. */
  readonly expiresAt: Date;
}

/** The URL for the PUT of a part. */
export interface SignedPart {
  readonly partNumber: number;
  readonly url: string;
  /** The headers that the PUT must carry; none unless the part has a checksum. */
  readonly headers: Readonly<Record<string, string>>;
  readonly expiresAt: Date;
}

/** A part that was sent. */
export interface SentPart {
  readonly partNumber: number;
  /** The header `ETag` of the store's answer, with or without quotes. */
  readonly etag: string;
}

/** A part that is in the store. */
export interface StoredPart extends SentPart {
  /** In bytes. */
  readonly size: number;
}

/** A granted upload by an HTML form. */
export interface FormUpload extends Omit<Upload, "putUrl" | "putHeaders" | "putExpiresAt"> {
  readonly form: {
    /** The `action` of the form, whose `enctype` is `multipart/form-data`. */
    readonly url: string;
    /** Its hidden inputs: all of them, before the input `file`, and no others. */
    readonly fields: Readonly<Record<string, string>>;
  };
  readonly formExpiresAt: Date;
}

/** A file that arrived as it was granted. */
export interface Confirmation extends Omit<ConfirmedUpload, "organization" | "subject"> {
  readonly getUrl: string;
  readonly getExpiresAt: Date;
  /** Opens the file for members of the organization, as long as the file exists. */
  readonly fileUrl: string;
}

/** A file that was completed from its parts. */
export interface CompletedUpload extends Confirmation {
  /** The receipt for `makeLink` and `confirmUpload`. */
  readonly receipt: string;
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

/** What a caller may upload. */
export interface Policy {
  /** The `policy` of an upload. */
  readonly name: string;
  /** The largest file in one PUT, in bytes. */
  readonly maxSize: number;
  /** Media types, with any parameters, or all subtypes of one: `image/*`. */
  readonly allowedTypes: ReadonlyArray<string>;
  /**
   * The allowed media types by their usual extensions, such as `.png`: the `contentType` of a file
   * whose type is unknown. A file may have any other extension.
   */
  readonly extensions: Readonly<Record<string, string>>;
  /** How long the PUT works, in seconds. */
  readonly putLifetime: number;
  /** How long the GET works, in seconds. */
  readonly getLifetime: number;
  /** The longest lifetime of a link, in seconds; without it links are not allowed. */
  readonly linkLifetime?: number;
  /** Everything that the store can enforce is bound; the PUT needs all of `putHeaders`. */
  readonly strict: boolean;
  /** The store accepts only one PUT for a key. */
  readonly writeOnce: boolean;
  /** Each upload must have a checksum. */
  readonly requireChecksum: boolean;
  /** The checksum algorithms that the store verifies. */
  readonly checksums: ReadonlyArray<ChecksumAlgorithm>;
  /** Files may also be sent in parts; without it, in one PUT only. */
  readonly multipart?: {
    /** The largest file in parts, in bytes. */
    readonly maxSize: number;
    /** The checksum algorithms that the store verifies of a part. */
    readonly checksums: ReadonlyArray<ChecksumAlgorithm>;
    /** The checksum algorithms that it verifies of the whole file. */
    readonly fileChecksums: ReadonlyArray<ChecksumAlgorithm>;
  };
}

/** What a host passes with a request. */
export interface HandedOver {
  /** The address at the other end of the connection. */
  readonly address?: string | undefined;
  /** The caller, if the host already knows it; otherwise `authenticate` is called. */
  readonly caller?: Caller | null | undefined;
}
