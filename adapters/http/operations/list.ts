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
  requestForm: presignForm,
  requestUpload: presign,
  requestUploads: presignBatch,
  confirmUpload: confirm,
  startMultipart,
  abortMultipart,
  signParts,
  listParts,
  completeMultipart,
  makeLink,
  policies,
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
