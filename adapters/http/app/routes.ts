import { openapi } from "../openapi/route.ts";
import { confirm } from "../operations/confirm.ts";
import { fileState } from "../operations/file-state.ts";
import { followLink } from "../operations/follow-link.ts";
import { health, readiness } from "../operations/health.ts";
import { listFiles } from "../operations/list-files.ts";
import { makeLink } from "../operations/make-link.ts";
import { abortMultipart, completeMultipart, startMultipart } from "../operations/multipart.ts";
import { openFile } from "../operations/open-file.ts";
import { FILES, type PublicRoute } from "../operations/operation.ts";
import { listParts, signParts } from "../operations/parts.ts";
import { policies } from "../operations/policies.ts";
import { presignBatch } from "../operations/presign-batch.ts";
import { presign } from "../operations/presign.ts";
import { removeFile } from "../operations/remove-file.ts";

/**
 * The operations on an organization's files, by the names of their calls: routes, calls of the
 * package, the OpenAPI document and the audit are read from here.
 */
export const OPERATIONS = {
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
export const PUBLIC_ROUTES: ReadonlyArray<PublicRoute> = [followLink, health, readiness, openapi];

/** The paths of all but the probes, as patterns that Hono, Express and Fastify read alike. */
export const PATTERNS: ReadonlyArray<string> = [
  FILES,
  `${FILES}/*`,
  ...PUBLIC_ROUTES.filter(({ isProbe }) => isProbe === undefined).map(({ path }) =>
    path.replace(/:\w+$/, "*"),
  ),
];
