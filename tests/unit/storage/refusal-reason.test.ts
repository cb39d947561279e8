import { expect, it } from "vitest";
import { clockFault, explainRefusal } from "../../../adapters/storage/rest/refusal-reason.ts";
import { temporaryFailure } from "../../../adapters/storage/rest/temporary.ts";

it.each([
  [{ status: 403, code: "InvalidAccessKeyId" }, /^the store does not know .* STORAGE_ACCESS_KEY/],
  [{ status: 403, code: "SignatureDoesNotMatch" }, /^the secret key .* STORAGE_SECRET_KEY/],
  [{ status: 403, code: "ExpiredToken" }, /^the session token .* STORAGE_SESSION_TOKEN/],
  [{ status: 403, code: "RequestTimeTooSkewed" }, /correct this machine's clock/],
  [{ status: 400, code: "AuthorizationHeaderMalformed" }, /set STORAGE_REGION/],
  [{ status: 301, code: "PermanentRedirect" }, /set STORAGE_REGION/],
  [{ status: 403, code: "AccessDenied" }, /allow it s3:ListBucket/],
  [{ status: 404, code: "NoSuchBucket" }, /^the bucket files does not exist; create it/],
  [{ status: 404, code: undefined }, /^the bucket files does not exist; create it/],
  [{ status: 400, code: undefined }, /^the answer \(400\) has no error code, .* STORAGE_ENDPOINT/],
  [
    { status: 500, code: "InternalError", message: "try again" },
    /^the store answered InternalError: try again$/,
  ],
])("a refusal with %j says what to do", (refusal, reason) => {
  expect(explainRefusal({ bucket: "files" }, refusal)).toMatch(reason);
});

it.each([
  ["7", 7],
  ["301", 300],
  ["999999999", 300],
  ["9999999999", undefined],
  ["Wed, 25 Nov 2026 12:00:00 GMT", undefined],
  [null, undefined],
])(
  "a store that answers 503 with Retry-After %s is called again after %s seconds",
  (text, seconds) => {
    expect(temporaryFailure({ status: 503, retryAfter: text })?.retryAfter).toBe(seconds);
  },
);

it("a long message from a store is cut", () => {
  const message = "x".repeat(100_000);
  expect(
    explainRefusal({ bucket: "files" }, { status: 400, code: "Malformed", message }).length,
  ).toBeLessThan(300);
});

it.each([
  [0, undefined],
  [59, undefined],
  [-59, undefined],
  [90, "2 min ahead of"],
  [-3600, "60 min behind"],
])("clocks that are %d seconds apart are reported as %s", (seconds, words) => {
  const now = Date.UTC(2026, 10, 25, 12);
  const date = new Date(now - seconds * 1000).toUTCString();
  const fault = clockFault(date, now);
  if (words === undefined) expect(fault).toBeUndefined();
  else expect(fault).toContain(words);
});

it("an answer without a date reports no clock fault", () => {
  expect(clockFault(undefined, 0)).toBeUndefined();
  expect(clockFault("soon", 0)).toBeUndefined();
});
