import { errorCode, errorMessage } from "../../values/thrown.ts";
import { element, escape } from "../rest/xml.ts";

/** An error code of S3 or MinIO. */
type RefusalCode = keyof typeof REFUSALS;

const REFUSALS = {
  AccessDenied: [403, "The request has no signature."],
  AuthorizationQueryParametersError: [400, "The signature's query parameters are malformed."],
  BadDigest: [400, "The body does not match the checksum."],
  IncompleteBody: [400, "The body is shorter or longer than its Content-Length."],
  InsufficientStorage: [507, "The store has no room for the object."],
  InvalidAccessKeyId: [403, "The store does not know the access key."],
  InvalidDigest: [400, "A checksum is not base64 of the right length."],
  InvalidPart: [400, "A part was replaced since the parts were listed."],
  InvalidRange: [416, "The range is outside of the object."],
  MethodNotAllowed: [405, "An object takes PUT, GET and HEAD."],
  MissingContentLength: [411, "A PUT needs a Content-Length."],
  NoSuchKey: [404, "There is no object under this key."],
  NoSuchUpload: [404, "The upload was completed or aborted, or there was none."],
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

/** The code is S3's if that differs. */
type Answer = readonly [status: number, message: string, code?: string];

export class Refused extends Error {
  readonly code: RefusalCode;
  readonly headers: Readonly<Record<string, string>>;
  constructor(code: RefusalCode, message?: string, headers: Refused["headers"] = {}) {
    super(message ?? REFUSALS[code][1]);
    this.code = code;
    this.headers = headers;
  }
}

export function refusalAnswer({ code, message, headers }: Refused): Response {
  const [status, , codeInS3 = code]: Answer = REFUSALS[code];
  const error = element("Code", codeInS3) + element("Message", escape(message));
  return new Response(`<?xml version="1.0" encoding="UTF-8"?>\n${element("Error", error)}\n`, {
    status,
    headers: { "Content-Type": "application/xml", ...headers },
  });
}

/** The code is for the client, the reason for the operator. */
export interface Failure {
  readonly code: RefusalCode;
  readonly reason: string;
}

export function failureFrom(cause: unknown): Failure {
  const message = errorMessage(cause);
  const because = (problem: string, code: RefusalCode = "ServiceUnavailable") => ({
    code,
    reason: `${problem} (${message})`,
  });
  switch (errorCode(cause)) {
    case "ENOSPC":
    case "EDQUOT":
      return because(
        "the disk is full; free some space, or move the folder of the store to a larger one",
        "InsufficientStorage",
      );
    case "EMFILE":
    case "ENFILE":
      return because(
        "too many files are open; raise the limit of the process (ulimit -n)",
        "SlowDown",
      );
    case "EACCES":
    case "EPERM":
      return because(
        "the service may not write to the folder of the store; give its user the folder",
      );
    case "EROFS":
      return because("the folder of the store is read-only; mount it for writing");
    case "ENOENT":
      return because("the folder of the store is gone; put it back, or restart for an empty one");
    default:
      return { code: "ServiceUnavailable", reason: message };
  }
}
