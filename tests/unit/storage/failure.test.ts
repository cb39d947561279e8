import { expect, it } from "vitest";
import { failureFrom } from "../../../adapters/storage/local/refusal.ts";

it.each([
  ["ENOSPC", "InsufficientStorage", "free some space"],
  ["EDQUOT", "InsufficientStorage", "free some space"],
  ["EMFILE", "SlowDown", "ulimit -n"],
  ["ENFILE", "SlowDown", "ulimit -n"],
  ["EACCES", "ServiceUnavailable", "give its user the folder"],
  ["EROFS", "ServiceUnavailable", "mount it for writing"],
  ["ENOENT", "ServiceUnavailable", "put it back"],
  ["EIO", "ServiceUnavailable", "EIO: what the system says"],
])(
  "%s of the file system is %s to a client, and tells the operator: %s",
  (code, answer, advice) => {
    const failure = failureFrom(
      Object.assign(new Error(`${code}: what the system says`), { code }),
    );
    expect(failure.code).toBe(answer);
    expect(failure.reason).toContain(advice);
    expect(failure.reason).toContain(`${code}: what the system says`);
  },
);
