/** Why the store refuses a request, by the error code of S3 or MinIO. */
export type RefusalCode = keyof typeof REFUSALS;

const REFUSALS = {
  AccessDenied: [403, "The request has no signature."],
  AuthorizationQueryParametersError: [400, "The signature's query parameters are malformed."],
  BadDigest: [400, "The body does not match the checksum."],
  EntityTooLarge: [400, "The file is larger than the form may send."],
  EntityTooSmall: [400, "The file is smaller than the form may send."],
  IncompleteBody: [400, "The body is shorter or longer than its Content-Length."],
  IncorrectNumberOfFilesInPostRequest: [400, "A form needs one file, in the field file."],
  InsufficientStorage: [507, "The store has no room for the object."],
  InvalidAccessKeyId: [403, "The store does not know the access key."],
  InvalidDigest: [400, "A checksum is not base64 of the right length."],
  InvalidRange: [416, "The range is outside of the object."],
  MalformedPOSTRequest: [400, "The form is not well-formed multipart/form-data."],
  MethodNotAllowed: [405, "An object takes PUT, GET and HEAD, and the bucket takes POST."],
  MissingContentLength: [411, "A PUT or POST needs a Content-Length."],
  NoSuchKey: [404, "There is no object under this key."],
  NoSuchUpload: [404, "The upload was completed or aborted, or there was none."],
  NotAForm: [412, "A bucket takes POST of multipart/form-data only.", "PreconditionFailed"],
  PolicyConditionFailed: [
    403,
    "A field of the form is not as it was signed, or was not signed.",
    "AccessDenied",
  ],
  PreconditionFailed: [412, "There is already an object under this key."],
  // S3 has one code for both.
  RequestExpired: [403, "The request has expired.", "AccessDenied"],
  RequestNotYetValid: [403, "The request is not valid yet.", "AccessDenied"],
  RequestTimeout: [400, "The body stopped arriving."],
  ServiceUnavailable: [503, "The store cannot do this at the moment; its log says why."],
  SignatureDoesNotMatch: [
    403,
    "The signature does not match the request: method, address, a signed header or a parameter differs from what was signed.",
  ],
  SlowDown: [503, "The store is busy; try again later."],
} as const satisfies Record<string, Answer>;

/** The status, the message, and the code of S3 if it is another. */
type Answer = readonly [status: number, message: string, code?: string];

/** A refusal with more details than its code. */
export interface Refused {
  readonly code: RefusalCode;
  readonly message?: string;
}

/** The refusal as S3's REST API answers it: a status, and XML that names the code. */
export function refusal(
  refused: RefusalCode | Refused,
  headers?: Record<string, string>,
): Response {
  const { code, message }: Refused = typeof refused === "string" ? { code: refused } : refused;
  const [status, usual, codeOfS3 = code]: Answer = REFUSALS[code];
  return new Response(
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${codeOfS3}</Code><Message>${escape(message ?? usual)}</Message></Error>\n`,
    { status, headers: { "Content-Type": "application/xml", ...headers } },
  );
}

/** Escapes text for XML. */
const escape = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
