import { problemOf, type Refusal } from "../http/problem.ts";
import type { ValetkeyError } from "./errors.ts";

/** A refusal as a call rejects with it. Members are named as they are given to calls. */
export function rejectionOf(refusal: Refusal): ValetkeyError {
  const { status, code, title, detail, members = {}, headers = {} } = problemOf(refusal);
  // Hosts show `message` to callers, and the reason is for the operator alone.
  const why = "reason" in refusal ? { cause: new Error(refusal.reason) } : undefined;
  const retryAfter = headers["Retry-After"];
  const facts: object = JSON.parse(JSON.stringify(members), (name, value) =>
    NAMING.has(name) ? inCamelCase(value) : value,
  );
  return Object.assign(new Error(inCamelCase(`${title}. ${detail}`), why), {
    name: "ValetkeyError",
    code,
    status,
    ...facts,
    ...(retryAfter === undefined ? {} : { retryAfter: Number(retryAfter) }),
  }) as unknown as ValetkeyError;
}

/** Facts whose text may name members of a request. */
const NAMING: ReadonlySet<string> = new Set(["pointer", "reason", "property"]);

const inCamelCase = (text: string) =>
  RENAMED.reduce((renamed, [name, option]) => renamed.replaceAll(name, option), text);

/** Members whose names in the HTTP API differ. */
const RENAMED = [
  ["content_type", "contentType"],
  ["expires_in", "expiresIn"],
  ["part_number", "partNumber"],
  ["link_lifetime", "linkLifetime"],
  ["file_url", "fileUrl"],
] as const;
