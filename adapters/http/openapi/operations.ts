import type * as Effect from "effect/Effect";
import type * as Schema from "effect/Schema";
import type { admit } from "../../../application/admit.ts";
import type { Authenticator } from "../../../application/ports/authenticator.ts";
import { OrganizationSlug } from "../../../domain/organization.ts";
import type { Scope } from "../../../domain/principal.ts";
import { SEGMENTS } from "../../../domain/storage-key.ts";
import { type confirm, Confirmation } from "../confirm.ts";
import { UploadRequest } from "../decode-presign.ts";
import { PATTERN as IDEMPOTENCY_KEY } from "../idempotency-key.ts";
import { LinkRequest, type links } from "../links.ts";
import type { follow, open } from "../open.ts";
import { Token } from "../operation.ts";
import type { presign } from "../presign.ts";
import type { Refusal } from "../problem.ts";
import type { UnreadBody } from "../read-json.ts";
import { ConfirmedUpload, Health, Link, LINK_TOKEN, Readiness, Upload } from "./answers.ts";
import type { ALLOWED } from "./headers.ts";

type Tag = Refusal["_tag"];

/** What an operation answers where it does not refuse. */
interface Answer {
  readonly description: string;
  readonly schema?: Schema.Constraint | object;
  /** Whether the store gives it, to a client that follows redirects by itself. */
  readonly isOfStore?: true;
  /** Beside those that all answers have, or in place of them. */
  readonly headers?: Readonly<Record<string, object>>;
}

/** An operation of the API, as the document tells of it. */
export interface DocumentedOperation {
  readonly path: string;
  readonly allow: (typeof ALLOWED)[number];
  readonly operationId: string;
  readonly tag: "files" | "links" | "service";
  readonly summary: string;
  readonly description?: string;
  /** What the caller needs to be let in; whoever calls may, if undefined. */
  readonly scope?: Scope;
  readonly parameters?: ReadonlyArray<Parameter>;
  readonly body?: {
    readonly schema: Schema.Constraint;
    readonly examples: Readonly<Record<string, unknown>>;
  };
  readonly answers: Readonly<Record<number, Answer>>;
  /** What it refuses after letting the caller in. */
  readonly refusals: { readonly [T in Tag]?: true };
}

interface Parameter {
  readonly name: string;
  readonly in: "path" | "header" | "query";
  readonly allowEmptyValue?: true;
  readonly description?: string;
  readonly schema: Schema.Constraint | object;
  /** With which the page that shows the document fills the parameter in. */
  readonly example?: string;
}

/** A list of refusals that does not compile while one that can happen is missing. */
type AllOf<R extends { readonly _tag: string }> = { readonly [T in R["_tag"]]: true };
type Failure<F extends (...args: never) => Effect.Effect<unknown, unknown, unknown>> =
  ReturnType<F> extends Effect.Effect<unknown, infer E extends Refusal, unknown> ? E : never;

/** What a server refuses by itself, since it cannot be read or is too much at once. */
export const UNREAD = {
  MalformedRequest: true,
  HeadersTooLarge: true,
  RequestTimeout: true,
  ExpectationFailed: true,
  Overloaded: true,
};

/** What is refused before any operation is reached. */
export const EVERYWHERE = { ...UNREAD, LoopbackOnly: true, MethodNotAllowed: true };

/** Who is not let in. */
export const AT_THE_DOOR: AllOf<
  Failure<Authenticator["Service"]["authenticate"]> | Failure<typeof admit>
> = {
  Unauthenticated: true,
  IdentityUnavailable: true,
  OrganizationNotFound: true,
  ScopeMissing: true,
  RateLimited: true,
  LimitsUnavailable: true,
};

const BODY: AllOf<UnreadBody> = {
  BodyNotJson: true,
  BodyEncoded: true,
  BodyTooLarge: true,
  RequestTimeout: true,
  InvalidBody: true,
};
const PRESIGN: AllOf<Failure<typeof presign>> = {
  InvalidBody: true,
  InvalidMember: true,
  InvalidIdempotencyKey: true,
  UnknownPolicy: true,
  PolicyNotAllowed: true,
  FileTooLarge: true,
  MediaTypeNotAllowed: true,
  ChecksumRequired: true,
  ChecksumNotSupported: true,
  IdempotencyNotSupported: true,
  IdempotencyConflict: true,
  QuotaExceeded: true,
  LimitsUnavailable: true,
  CredentialsUnavailable: true,
};

const CONFIRM: AllOf<Failure<typeof confirm>> = {
  InvalidBody: true,
  InvalidReceipt: true,
  OrganizationNotFound: true,
  UploadIncomplete: true,
  UploadMismatch: true,
  StoreUnavailable: true,
  CredentialsUnavailable: true,
};

const LINKS: AllOf<Failure<typeof links>> = {
  InvalidBody: true,
  InvalidReceipt: true,
  OrganizationNotFound: true,
  LinksNotAllowed: true,
  LinkTooLong: true,
};

const OPEN: AllOf<Failure<typeof open>> = {
  OrganizationNotFound: true,
  CredentialsUnavailable: true,
};

const FOLLOW: AllOf<Failure<typeof follow>> = {
  LinkNotFound: true,
  CredentialsUnavailable: true,
};

const FILES = "/api/v1/orgs/{slug}/files";
const RECEIPT =
  "v1.k1.eyJrIjoib3Jncy9vcmdfMS9maWxlcyJ9.qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq8";

const SLUG: Parameter = { name: "slug", in: "path", schema: OrganizationSlug, example: "acme" };

const segment = (name: keyof typeof SEGMENTS, example: string): Parameter => ({
  name,
  in: "path",
  schema: { type: "string", pattern: `^${SEGMENTS[name]}$` },
  example,
});

/** Sends a browser to the store, and what it gets there. */
const REDIRECT: DocumentedOperation["answers"] = {
  200: {
    description: "The file, for a client that follows the redirect by itself.",
    isOfStore: true,
  },
  302: {
    description: "A signed GET of the store, which shows or saves the file.",
    headers: {
      Location: {
        required: true,
        description: "The signed GET.",
        schema: { type: "string", format: "uri" },
      },
      "Cache-Control": {
        required: true,
        description: "For how long the answer holds; a link's is not kept.",
        schema: { type: "string", pattern: "^(?:no-store|private, max-age=[1-9][0-9]*)$" },
      },
      "Referrer-Policy": { required: true, schema: { const: "no-referrer" } },
    },
  },
};

/** The document changes with the version of the service, and with nothing else. */
export const DOCUMENT_LIFETIME = "public, max-age=300";

/** All that can be asked of the service. */
export const OPERATIONS: ReadonlyArray<DocumentedOperation> = [
  {
    path: `${FILES}/presign`,
    allow: "POST",
    operationId: "presign",
    tag: "files",
    summary: "Ask to upload a file",
    description:
      "The answer has a PUT that is bound to exactly what was asked for, and a GET that shows the file once it is there.",
    scope: "write",
    parameters: [
      SLUG,
      {
        name: "Idempotency-Key",
        in: "header",
        description:
          "1 to 255 printable ASCII characters of the caller's own making, in double quotes or without. The same request under the same key is answered with the same object again, and the upload is written once.",
        schema: {
          type: "string",
          pattern: IDEMPOTENCY_KEY,
          examples: ["3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f"],
        },
      },
    ],
    body: {
      schema: UploadRequest,
      examples: {
        plain: { filename: "a.png", content_type: "image/png", size: 5 },
        bound: {
          filename: "a.png",
          content_type: "image/png",
          size: 5,
          policy: "files",
          strict: true,
          checksum: {
            algorithm: "sha256",
            value: "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
          },
        },
      },
    },
    answers: { 200: { description: "The upload is granted.", schema: Upload } },
    refusals: { ...BODY, ...PRESIGN },
  },
  {
    path: `${FILES}/confirm`,
    allow: "POST",
    operationId: "confirm",
    tag: "files",
    summary: "Ask whether what was granted is what arrived",
    description:
      "A receipt is good for the person it was given to, and for services, until a day after the upload ended.",
    scope: "confirm",
    parameters: [SLUG],
    body: { schema: Confirmation, examples: { upload: { receipt: RECEIPT } } },
    answers: {
      200: { description: "The file is there, as it was granted.", schema: ConfirmedUpload },
    },
    refusals: { ...BODY, ...CONFIRM },
  },
  {
    path: `${FILES}/links`,
    allow: "POST",
    operationId: "makeLink",
    tag: "files",
    summary: "Make a link to a file",
    description:
      "Needs a policy with `link_lifetime`. The link opens the file for whoever holds it.",
    scope: "read",
    parameters: [SLUG],
    body: { schema: LinkRequest, examples: { upload: { receipt: RECEIPT, expires_in: 3600 } } },
    answers: { 200: { description: "The link.", schema: Link } },
    refusals: { ...BODY, ...LINKS },
  },
  {
    path: `${FILES}/{year}/{month}/{name}`,
    allow: "GET",
    operationId: "openFile",
    tag: "files",
    summary: "Open a file",
    description: "The store is not asked: where the file is not there, the store says so.",
    scope: "read",
    parameters: [
      SLUG,
      segment("year", "2026"),
      segment("month", "11"),
      segment("name", "3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f.png"),
      {
        name: "download",
        in: "query",
        description:
          "Saves the file rather than showing it; that it is there counts, whatever its value.",
        allowEmptyValue: true,
        schema: { type: "string", examples: [""] },
      },
    ],
    answers: REDIRECT,
    refusals: OPEN,
  },
  {
    path: "/f/{token}",
    allow: "GET",
    operationId: "followLink",
    tag: "links",
    summary: "Open a file by a link",
    parameters: [
      {
        name: "token",
        in: "path",
        description: "What follows `/f/` in a `link_url`.",
        schema: Token,
        example: LINK_TOKEN,
      },
    ],
    answers: REDIRECT,
    refusals: FOLLOW,
  },
  {
    path: "/healthz",
    allow: "GET, HEAD",
    operationId: "health",
    tag: "service",
    summary: "Whether the process is alive",
    answers: { 200: { description: "The process is alive.", schema: Health } },
    refusals: {},
  },
  {
    path: "/readyz",
    allow: "GET, HEAD",
    operationId: "readiness",
    tag: "service",
    summary: "Whether the service can sign, and how the store does",
    answers: {
      200: {
        description: "The service can sign; `degraded` where the store does not answer.",
        schema: Readiness,
      },
      503: { description: "The service cannot sign, or is stopping.", schema: Readiness },
    },
    refusals: {},
  },
  {
    path: "/openapi.json",
    allow: "GET, HEAD",
    operationId: "openapi",
    tag: "service",
    summary: "This document",
    answers: {
      200: {
        description: "OpenAPI 3.1.",
        schema: { type: "object" },
        headers: { "Cache-Control": { required: true, schema: { const: DOCUMENT_LIFETIME } } },
      },
    },
    refusals: {},
  },
];
