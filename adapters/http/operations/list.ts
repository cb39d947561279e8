import { docs, docsFile, openapi } from "../openapi/docs.ts";
import { abortMultipart } from "./abort-multipart.ts";
import { completeMultipart } from "./complete-multipart.ts";
import { confirm } from "./confirm.ts";
import { followLink } from "./follow-link.ts";
import { health, readiness } from "./health.ts";
import { listParts } from "./list-parts.ts";
import { makeLink } from "./make-link.ts";
import { openFile } from "./open-file.ts";
import { FILES, type PublicRoute } from "./operation.ts";
import { policies } from "./policies.ts";
import { presignBatch } from "./presign-batch.ts";
import { presignForm } from "./presign-form.ts";
import { presign } from "./presign.ts";
import { signParts } from "./sign-parts.ts";
import { startMultipart } from "./start-multipart.ts";

/**
 * The operations on an organization's files, by the names of their calls: routes, calls of the
 * package, the OpenAPI document and the audit are read from here. Of two at one address, the first
 * that accepts a body answers it.
 */
export const OPERATIONS = {
  /**
   * Grants one upload by an HTML form, which needs no script: of exactly `size` bytes, or of any
   * size that the policy allows. Rejects where the store takes no forms, and for a policy with
   * `strict`, `writeOnce` or `requireChecksum`, which a form cannot be bound to.
   */
  requestForm: presignForm,
  /**
   * Grants one upload: a new key in the organization, and a PUT bound to exactly what was asked
   * for. Nothing is stored, and the store is not called.
   */
  requestUpload: presign,
  /**
   * Grants several uploads, in the order of `files`, or none of them. The limits decide once for
   * all. The `errors` of a refusal name the file, as in `/files/3/size`.
   */
  requestUploads: presignBatch,
  /** Asks the store whether the upload arrived as its receipt says. */
  confirmUpload: confirm,
  /**
   * Starts an upload in parts, for a large file: a new key in the organization, begun in the store.
   * All its bytes count for the quotas of the day.
   */
  startMultipart,
  /** Ends an upload and removes its parts; a file that was completed stays. */
  abortMultipart,
  /** Signs a PUT for each of 1 to 100 parts, bound to the part's exact bytes. */
  signParts,
  /** Lists the parts that are in the store, by their numbers. */
  listParts,
  /**
   * Makes the file of all its parts, in any order, once they are as they were granted. Completing
   * again gives the same file.
   */
  completeMultipart,
  /**
   * Makes a link that opens the file for whoever has it, if the policy of the receipt has
   * `linkLifetime`. It works for `expiresIn` seconds; for `linkLifetime` if that is left out. It
   * opens the `version` that confirming named; the present one if that is left out.
   */
  makeLink,
  /** Lists the policies that the caller may use; `requestUpload` enforces exactly these. */
  policies,
  /** Signs a GET for a file of the organization; the store is not asked whether it exists. */
  openFile,
};

/** All else that the service answers, beside what is mounted into it. */
export const PUBLIC_ROUTES: ReadonlyArray<PublicRoute> = [
  followLink,
  health,
  readiness,
  openapi,
  docs,
  docsFile,
];

/** The paths of all but the probes, as patterns that Hono, Express and Fastify read alike. */
export const PATTERNS: ReadonlyArray<string> = [
  `${FILES}/*`,
  ...PUBLIC_ROUTES.filter(({ isProbe }) => isProbe === undefined).map(({ path }) =>
    path.replace(/:\w+$/, "*"),
  ),
];
