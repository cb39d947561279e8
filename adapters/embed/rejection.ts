import { problemOf, type Refusal } from "../http/problem.ts";
import type { MemberFault, ValetkeyError } from "./errors.ts";

/** A refusal as a call rejects with it. Members are named as they are given to calls. */
export function rejectionOf(refusal: Refusal): ValetkeyError {
  const { status, code, title, detail, members = {}, headers = {} } = problemOf(refusal);
  // What is for the operator alone; hosts show `message` to those who asked.
  const why = "reason" in refusal ? { cause: new Error(refusal.reason) } : undefined;
  const retryAfter = headers["Retry-After"];
  return Object.assign(new Error(inCamelCase(`${title}. ${detail}`), why), {
    name: "ValetkeyError",
    code,
    status,
    ...inCalls(members),
    ...(retryAfter === undefined ? {} : { retryAfter: Number(retryAfter) }),
  }) as unknown as ValetkeyError;
}

function inCalls(members: {
  readonly errors?: ReadonlyArray<MemberFault>;
  readonly differences?: ReadonlyArray<{ readonly property: string }>;
}) {
  const { errors, differences } = members;
  return {
    ...members,
    ...(errors && {
      errors: errors.map(({ pointer, reason }) => ({
        pointer: inCamelCase(pointer),
        reason: inCamelCase(reason),
      })),
    }),
    ...(differences && {
      differences: differences.map((difference) => ({
        ...difference,
        property: inCamelCase(difference.property),
      })),
    }),
  };
}

const inCamelCase = (text: string) =>
  RENAMED.reduce((told, [name, option]) => told.replaceAll(name, option), text);

/** What is named otherwise in the HTTP API. */
const RENAMED = [
  ["content_type", "contentType"],
  ["expires_in", "expiresIn"],
  ["link_lifetime", "linkLifetime"],
  ["file_url", "fileUrl"],
] as const;
