import { docs, docsFile, openapi } from "../openapi/docs.ts";
import { confirm } from "./confirm.ts";
import { fileState } from "./file-state.ts";
import { followLink } from "./follow-link.ts";
import { health, readiness } from "./health.ts";
import { listFiles } from "./list-files.ts";
import { makeLink } from "./make-link.ts";
import { abortMultipart, completeMultipart, startMultipart } from "./multipart.ts";
import { openFile } from "./open-file.ts";
import { FILES, type PublicRoute } from "./operation.ts";
import { listParts, signParts } from "./parts.ts";
import { policies } from "./policies.ts";
import { presignBatch } from "./presign-batch.ts";
import { presignForm } from "./presign-form.ts";
import { presign } from "./presign.ts";
import { removeFile } from "./remove-file.ts";

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
  // Before a file whose name would be `state`.
  fileState,
  openFile,
  removeFile,
  listFiles,
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
  FILES,
  `${FILES}/*`,
  ...PUBLIC_ROUTES.filter(({ isProbe }) => isProbe === undefined).map(({ path }) =>
    path.replace(/:\w+$/, "*"),
  ),
];
