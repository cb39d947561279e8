import type { Problem } from "./decode.ts";
import { sizeInWords } from "./size-in-words.ts";

/** Why an upload failed. */
export type UploadErrorCode =
  /** The policy does not allow the file: `limit` or `allowed` say what it allows. */
  | "refused"
  /** A quota is used up; `retryAfter` says when there is more, unless files have to be removed. */
  | "quota"
  | "unauthenticated"
  /** The caller may not upload here, or not under this policy. */
  | "forbidden"
  /** There is no such organization, or the caller does not belong to it. */
  | "not-found"
  /** The service cannot be used: it keeps failing, or something else is at its address. */
  | "service-failed"
  /** An answer of the service, or of something else at its address, that cannot be used. */
  | "invalid-answer"
  /** The store refused the file; `storeCode` is the store's error code. */
  | "store-refused"
  /** The file in the store differs from the grant. */
  | "mismatch"
  /** The content of the file is not of the type that was granted. */
  | "wrong-content"
  /** The scan of the file found something, or failed. */
  | "unsafe"
  /** The file has arrived, but was not ready in time. */
  | "pending"
  /** The file is not there, and nothing of it has arrived. */
  | "missing"
  /** The service or the store does not share its answers with pages of this origin. */
  | "cors"
  /** The service answers, and the store does not. */
  | "unreachable"
  /** Neither the service nor the store answers. */
  | "offline"
  /** The connection breaks repeatedly before one file, or one part of a large one, gets through. */
  | "unstable"
  | "aborted"
  /** `prepare` threw; `cause` is what. */
  | "prepare-failed"
  /** The file was changed, moved or removed since it was chosen, or cannot be read. */
  | "file-changed"
  | "empty-file"
  | "directory";

/** Facts of a failure beside its code. */
export interface UploadErrorFacts {
  /** The service's problem document (RFC 9457), with `code`, `title` and `detail`. */
  readonly problem?: Problem | undefined;
  /** The HTTP status of the service or the store. */
  readonly status?: number | undefined;
  /** The error code of the store, such as `SignatureDoesNotMatch`. */
  readonly storeCode?: string | undefined;
  /** Seconds to wait before trying again, where that helps. */
  readonly retryAfter?: number | undefined;
  readonly cause?: unknown;
}

/** Why an upload failed. The message says what is wrong and what to do about it. */
export class UploadError extends Error implements UploadErrorFacts {
  declare readonly name: "UploadError";
  declare readonly code: UploadErrorCode;
  declare readonly problem?: Problem | undefined;
  declare readonly status?: number | undefined;
  declare readonly storeCode?: string | undefined;
  declare readonly retryAfter?: number | undefined;
  /** The most bytes that the policy allows, if the file is too large. */
  declare readonly limit: number | undefined;
  /** The media types that the policy allows, if the file's is another. */
  declare readonly allowed: ReadonlyArray<string> | undefined;

  constructor(code: UploadErrorCode, message: string, facts: UploadErrorFacts = {}) {
    super(message);
    const { limit, allowed } = facts.problem ?? {};
    Object.assign(this, { name: "UploadError", code, limit, allowed }, facts);
  }

  /** A sentence for a person. To translate it, write your own for each `code`. */
  get userMessage(): string {
    const { code, limit, allowed, problem, status, message } = this;
    const title = problem?.title;
    const content = /^The content is[^.]*\./.exec(problem?.detail ?? "");
    if (content) return content[0];
    if (limit) return `${title}: at most ${sizeInWords(limit)}.`;
    if (status === 413 && !title) return "The file is too large.";
    if (allowed) return `${title}: choose ${allowed.map(typeInWords).join(", ")}.`;
    if (problem?.errors?.some(({ pointer }) => NAMES.test(pointer))) return UNUSABLE;
    // Without a status, the message is about the file.
    return SENTENCES[code] ?? (status === undefined ? message : FAILED);
  }
}

const FAILED = "The upload failed. Try again later.";

/** The members of a request that a person has named. */
const NAMES = /\/(?:filename|path)$/;
const UNUSABLE = "The name of this file or of its folders cannot be used. Rename it.";

const SENTENCES: { readonly [Code in UploadErrorCode]?: string } = {
  quota: "No more files are accepted today.",
  unauthenticated: "Sign in, then try again.",
  forbidden: "You may not upload here.",
  "not-found": "You may not upload here.",
  "wrong-content": "The content of this file is not of its type.",
  unsafe: "This file is unsafe, or could not be checked.",
  pending: "The file is still being checked. Try again later.",
  cors: FAILED,
  unreachable: FAILED,
  offline: "Check the network connection, then try again.",
  "prepare-failed": "This file could not be prepared. Choose another one.",
  unstable: "The connection breaks too soon. Try again with a better one.",
};

/** Returns the usual name of a media type: PNG, text, any video. */
export const typeInWords = (type: string): string =>
  type === "text/plain"
    ? "text"
    : type.endsWith("/*")
      ? `any ${type.slice(0, -2)}`
      : type.replace(/^.*[/.]|\+.*/g, "").toUpperCase();

/** Returns the service's problem document, or an empty one. */
export const problemIn = (cause: unknown): Problem =>
  (cause instanceof UploadError && cause.problem) || {};
