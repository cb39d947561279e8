import {
  ApiDocument,
  CompletedUpload,
  ConfirmedUpload,
  Health,
  Link,
  MultipartUpload,
  Parts,
  PolicyList,
  Readiness,
  SignedParts,
  Uploads,
} from "./answers.ts";
import { confirm, Confirmation } from "./confirm.ts";
import { docs, docsFile, openapi } from "./docs.ts";
import { health, readiness } from "./health.ts";
import { LinkRequest, makeLink } from "./links.ts";
import * as multipart from "./multipart.ts";
import { followLink, openFile } from "./open.ts";
import { policies } from "./policies.ts";
import { BATCH_LIMIT, BatchRequest, presignBatch } from "./presign-batch.ts";
import { PresignAnswer, presignPutOrForm, PresignRequest } from "./presign-form.ts";
import { memberRoute, publicRoute, type Route } from "./route.ts";

const FILES = "/api/v1/orgs/:slug/files";

/** What is refused before one upload is granted, in one PUT or in parts. */
const OF_GRANTS = {
  InvalidMember: true,
  InvalidIdempotencyKey: true,
  UnknownPolicy: true,
  PolicyNotAllowed: true,
  FileTooLarge: true,
  MediaTypeNotAllowed: true,
  ChecksumNotSupported: true,
  IdempotencyConflict: true,
  QuotaExceeded: true,
  LimitsUnavailable: true,
} as const;

/** What is refused of an upload in parts. */
const OF_PARTS = {
  InvalidUpload: true,
  MultipartNotSupported: true,
  OrganizationNotFound: true,
} as const;

/** All that the service answers beside what is mounted into it. */
export const ROUTES: ReadonlyArray<Route> = [
  memberRoute({
    path: `${FILES}/presign`,
    methods: ["POST"],
    action: "presign",
    operationId: "presign",
    scope: "write",
    body: PresignRequest,
    answer: PresignAnswer,
    handler: presignPutOrForm,
    refusals: {
      ...OF_GRANTS,
      ChecksumRequired: true,
      FormNotSupported: true,
      FormCannotBind: true,
      IdempotencyNotSupported: true,
      CredentialsUnavailable: true,
    },
  }),
  memberRoute({
    path: `${FILES}/batch`,
    methods: ["POST"],
    action: "presign",
    operationId: "presignBatch",
    scope: "write",
    body: BatchRequest,
    bodyLimit: BATCH_LIMIT,
    answer: Uploads,
    handler: presignBatch,
    refusals: {
      InvalidIdempotencyKey: true,
      UploadRefused: true,
      IdempotencyNotSupported: true,
      IdempotencyConflict: true,
      QuotaExceeded: true,
      LimitsUnavailable: true,
      CredentialsUnavailable: true,
    },
  }),
  memberRoute({
    path: `${FILES}/confirm`,
    methods: ["POST"],
    action: "confirm",
    operationId: "confirm",
    scope: "confirm",
    body: Confirmation,
    answer: ConfirmedUpload,
    handler: confirm,
    refusals: {
      InvalidReceipt: true,
      OrganizationNotFound: true,
      UploadIncomplete: true,
      UploadMismatch: true,
      StoreUnavailable: true,
      CredentialsUnavailable: true,
    },
  }),
  memberRoute({
    path: `${FILES}/multipart`,
    methods: ["POST"],
    action: "start-multipart",
    operationId: "startMultipart",
    scope: "write",
    body: multipart.MultipartStart,
    answer: MultipartUpload,
    handler: multipart.startMultipart,
    refusals: {
      ...OF_GRANTS,
      MultipartNotSupported: true,
      StoreUnavailable: true,
    },
  }),
  memberRoute({
    path: `${FILES}/multipart`,
    methods: ["DELETE"],
    action: "abort-multipart",
    operationId: "abortMultipart",
    scope: "write",
    body: multipart.MultipartAbort,
    handler: multipart.abort,
    refusals: {
      ...OF_PARTS,
      StoreUnavailable: true,
    },
  }),
  memberRoute({
    path: `${FILES}/multipart/parts`,
    methods: ["POST"],
    action: "sign-parts",
    operationId: "signParts",
    scope: "write",
    body: multipart.PartsToSign,
    answer: SignedParts,
    handler: multipart.signParts,
    refusals: {
      ...OF_PARTS,
      PartOutOfRange: true,
      ChecksumRequired: true,
      ChecksumNotSupported: true,
      CredentialsUnavailable: true,
    },
  }),
  memberRoute({
    path: `${FILES}/multipart/parts`,
    methods: ["GET"],
    action: "list-parts",
    operationId: "listParts",
    scope: "write",
    answer: Parts,
    handler: multipart.listParts,
    refusals: {
      ...OF_PARTS,
      StoreUnavailable: true,
    },
  }),
  memberRoute({
    path: `${FILES}/multipart/complete`,
    methods: ["POST"],
    action: "complete-multipart",
    operationId: "completeMultipart",
    scope: "write",
    body: multipart.MultipartCompletion,
    bodyLimit: multipart.COMPLETION_LIMIT,
    answer: CompletedUpload,
    handler: multipart.complete,
    refusals: {
      ...OF_PARTS,
      PartOutOfRange: true,
      PartsMissing: true,
      UploadIncomplete: true,
      UploadMismatch: true,
      StoreUnavailable: true,
      CredentialsUnavailable: true,
    },
  }),
  memberRoute({
    path: `${FILES}/links`,
    methods: ["POST"],
    action: "links",
    operationId: "makeLink",
    scope: "read",
    body: LinkRequest,
    answer: Link,
    handler: makeLink,
    refusals: {
      InvalidReceipt: true,
      OrganizationNotFound: true,
      LinksNotAllowed: true,
      LinkTooLong: true,
    },
  }),
  memberRoute({
    path: `${FILES}/policies`,
    methods: ["GET"],
    action: "policies",
    operationId: "policies",
    scope: "write",
    answer: PolicyList,
    handler: policies,
    refusals: {},
  }),
  // Not HEAD: a store refuses that of what was signed for GET.
  memberRoute({
    path: `${FILES}/:year/:month/:name`,
    methods: ["GET"],
    action: "open",
    operationId: "openFile",
    scope: "read",
    handler: openFile,
    refusals: { OrganizationNotFound: true, CredentialsUnavailable: true },
  }),
  publicRoute({
    path: "/f/:token",
    methods: ["GET"],
    action: "follow",
    operationId: "followLink",
    handler: followLink,
    refusals: { LinkNotFound: true, CredentialsUnavailable: true },
  }),
  publicRoute({
    path: "/healthz",
    methods: ["GET", "HEAD"],
    operationId: "health",
    isProbe: true,
    answer: Health,
    handler: health,
    refusals: {},
  }),
  publicRoute({
    path: "/readyz",
    methods: ["GET", "HEAD"],
    operationId: "readiness",
    isProbe: true,
    answer: Readiness,
    handler: readiness,
    refusals: {},
  }),
  publicRoute({
    path: "/openapi.json",
    methods: ["GET", "HEAD"],
    operationId: "openapi",
    answer: ApiDocument,
    handler: openapi,
    refusals: {},
  }),
  publicRoute({ path: "/docs", methods: ["GET", "HEAD"], handler: docs, refusals: {} }),
  publicRoute({
    path: "/docs/:file",
    methods: ["GET", "HEAD"],
    handler: docsFile,
    refusals: { NotFound: true },
  }),
];

/** Where all but the probes is, as patterns that Hono, Express and Fastify read alike. */
export const PATTERNS: ReadonlyArray<string> = [
  ...new Set(
    ROUTES.filter(({ isProbe }) => isProbe !== true).map(({ path }) =>
      path.startsWith(FILES) ? `${FILES}/*` : path.replace(/:\w+$/, "*"),
    ),
  ),
];
