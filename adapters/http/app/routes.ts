import { openapi } from "../openapi/route.ts";
import { confirmOperation } from "../operations/confirm.ts";
import { confirmBatchOperation } from "../operations/batches/confirm.ts";
import { completeCredentialsOperation } from "../operations/credentials/complete.ts";
import { credentialsOperation } from "../operations/credentials/request.ts";
import { fileStateOperation } from "../operations/file-state.ts";
import { followLinkRoute } from "../operations/follow-link.ts";
import { health, readiness } from "../operations/health.ts";
import { listFilesOperation } from "../operations/list-files.ts";
import { makeLinkOperation } from "../operations/make-link.ts";
import {
  abortMultipartOperation,
  completeMultipartOperation,
  startMultipartOperation,
} from "../operations/multipart.ts";
import { openFileOperation } from "../operations/open-file.ts";
import { FILES, type PublicRoute } from "../operations/operation.ts";
import { listPartsOperation, signPartsOperation } from "../operations/parts.ts";
import { policiesOperation } from "../operations/policies.ts";
import { presignBatchOperation } from "../operations/batches/presign.ts";
import { presignOperation } from "../operations/presign.ts";
import { removeFileOperation } from "../operations/remove-file.ts";
import { signCookiesOperation } from "../operations/sign-cookies.ts";
import { usageOperation } from "../operations/usage.ts";
import { CREDENTIALS, USAGE } from "../addresses.ts";

/**
 * The operations on an organization's files, by the names of their calls: routes, calls of the
 * package, the OpenAPI document and the audit follow from this table.
 */
export const OPERATIONS = {
  requestUpload: presignOperation,
  requestUploads: presignBatchOperation,
  confirmUpload: confirmOperation,
  confirmUploads: confirmBatchOperation,
  startMultipart: startMultipartOperation,
  abortMultipart: abortMultipartOperation,
  signParts: signPartsOperation,
  listParts: listPartsOperation,
  completeMultipart: completeMultipartOperation,
  credentials: credentialsOperation,
  completeCredentials: completeCredentialsOperation,
  makeLink: makeLinkOperation,
  signCookies: signCookiesOperation,
  policies: policiesOperation,
  // Stands before the route of a file, whose name could be `state`.
  fileState: fileStateOperation,
  openFile: openFileOperation,
  removeFile: removeFileOperation,
  listFiles: listFilesOperation,
  usage: usageOperation,
};

/** The other routes of the service, without mounts. */
export const PUBLIC_ROUTES: ReadonlyArray<PublicRoute> = [
  followLinkRoute,
  health,
  readiness,
  openapi,
];

/** The paths of all but the probes, as patterns that Hono, Express and Fastify read alike. */
export const PATTERNS: ReadonlyArray<string> = [
  FILES,
  `${FILES}/*`,
  USAGE,
  CREDENTIALS,
  `${CREDENTIALS}/*`,
  ...PUBLIC_ROUTES.filter(({ isProbe }) => isProbe === undefined).map(({ path }) =>
    path.replace(/:\w+$/, "*"),
  ),
];
