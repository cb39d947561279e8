import { CALLS } from "../http/problems/language.ts";
import { problemFrom, type Refusal } from "../http/problems/problem.ts";
import type { ValetkeyError } from "./errors.ts";

/** Makes the error that a call rejects with: the problem of a refusal, in the language of calls. */
export function rejectionFrom(refusal: Refusal): ValetkeyError {
  const { status, code, title, detail, members, headers = {} } = problemFrom(refusal, CALLS);
  // Hosts show `message` to callers, and the reason is for the operator alone.
  const why = "reason" in refusal ? { cause: new Error(refusal.reason) } : undefined;
  const retryAfter = headers["Retry-After"];
  return Object.assign(new Error(`${title}. ${detail}`, why), {
    name: "ValetkeyError",
    code,
    status,
    ...members,
    ...(retryAfter === undefined ? {} : { retryAfter: Number(retryAfter) }),
  }) as unknown as ValetkeyError;
}
