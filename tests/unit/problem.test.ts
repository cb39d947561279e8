import * as Duration from "effect/Duration";
import { expect, it } from "vitest";
import { problemOf } from "../../adapters/http/problem.ts";
import { LinkTooLong, QuotaExceeded, RateLimited } from "../../domain/errors.ts";

const limit = { count: 1, window: Duration.seconds(1) };
const allowance = { of: "subject", limit, remaining: 0, resetAfter: 1 } as const;

it.each([
  [
    new RateLimited({ allowance, retryAfter: 1 }),
    "One caller may make 1 request in 1 second. Try again in 1 second.",
  ],
  [
    new QuotaExceeded({ objects: 1, retryAfter: 1 }),
    "An organization may be granted up to 1 upload in a day. The next day (UTC) begins in 1 second.",
  ],
  [
    new LinkTooLong({ limit: 1 }),
    "The policy of the file allows links for up to 1 second. Send a smaller expires_in, or leave it out.",
  ],
])("the sentence of $_tag counts one as one", (refusal, detail) => {
  expect(problemOf(refusal).detail).toBe(detail);
});

it("a daily quota tells only the limits that it has", () => {
  const { detail, members } = problemOf(new QuotaExceeded({ bytes: 2 ** 20, retryAfter: 2 }));
  expect(detail).toContain("granted up to 1 MiB (1048576 bytes) in a day");
  expect(members).toStrictEqual({ limits: { bytes: 2 ** 20 } });
  const own = problemOf(new QuotaExceeded({ caller: 2 ** 20, retryAfter: 2 }));
  expect(own.detail).toContain("One caller may be granted up to 1 MiB (1048576 bytes) in a day");
  expect(own.members).toStrictEqual({ limits: { caller: 2 ** 20 } });
});
