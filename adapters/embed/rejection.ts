import { problemOf, type Refusal } from "../http/problem.ts";
import type { ValetkeyError } from "./errors.ts";

/** A refusal as a call rejects with it. Members are named as they are given to calls. */
export function rejectionOf(refusal: Refusal): ValetkeyError {
  const { status, code, title, detail, members = {}, headers = {} } = problemOf(refusal);
  // What is for the operator alone; hosts show `message` to those who asked.
  const why = "reason" in refusal ? { cause: new Error(refusal.reason) } : undefined;
  const retryAfter = headers["Retry-After"];
  return Object.assign(new Error(inCamelCase(`${title}: ${detail}`), why), {
    name: "ValetkeyError",
    code,
    status,
    ...inCalls(members),
    ...(retryAfter === undefined ? {} : { retryAfter: Number(retryAfter) }),
  }) as unknown as ValetkeyError;
}

function inCalls({ errors, ...others }: Readonly<Record<string, unknown>>) {
  if (!Array.isArray(errors)) return others;
  return {
    ...others,
    errors: errors.map(({ pointer, reason }: { pointer: string; reason: string }) => ({
      pointer: inCamelCase(pointer),
      reason: inCamelCase(reason),
    })),
  };
}

/** The one member that is named otherwise in the HTTP API. */
const inCamelCase = (text: string) => text.replaceAll("content_type", "contentType");
