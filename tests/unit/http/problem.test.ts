import * as Duration from "effect/Duration";
import * as Schema from "effect/Schema";
import { expect, it } from "vitest";
import { PROBLEM_SCHEMAS } from "../../../adapters/http/openapi/problem-schemas.ts";
import { OPERATIONS } from "../../../adapters/http/app/routes.ts";
import { FILES, type Operation } from "../../../adapters/http/operations/operation.ts";
import { documentFrom } from "../../../adapters/http/problems/answer-problem.ts";
import { CALLS, type Language, ROUTES, WIRE } from "../../../adapters/http/problems/language.ts";
import { problemFrom, type Refusal } from "../../../adapters/http/problems/problem.ts";
import * as refusals from "../../../adapters/http/problems/refusals.ts";
import { SAMPLES } from "../../../adapters/http/problems/samples.ts";
import { camelCase } from "../../../adapters/values/names.ts";
import { LinkTooLong, QuotaExceeded, RateLimited } from "../../../domain/errors.ts";

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
  expect(problemFrom(refusal).detail).toBe(detail);
});

it("a daily quota tells only the limits that it has", () => {
  const { detail, members } = problemFrom(new QuotaExceeded({ bytes: 2 ** 20, retryAfter: 2 }));
  expect(detail).toContain("granted up to 1 MiB (1048576 bytes) in a day");
  expect(members).toStrictEqual({ limits: { bytes: 2 ** 20 } });
  const own = problemFrom(new QuotaExceeded({ caller: 2 ** 20, retryAfter: 2 }));
  expect(own.detail).toContain("One caller may be granted up to 1 MiB (1048576 bytes) in a day");
  expect(own.members).toStrictEqual({ limits: { caller: 2 ** 20 } });
});

it.each(SAMPLES)("the schema of $problem.code describes $refusal._tag", ({ problem }) => {
  const schema = PROBLEM_SCHEMAS[problem.code] ?? Schema.Never;
  expect(Schema.is(schema)(documentFrom(problem))).toBe(true);
});

const written = (refusal: Refusal, language: Language) => {
  const { title, detail, members } = problemFrom(refusal, language);
  return JSON.stringify([title, detail, members]);
};

const each = SAMPLES.map(({ refusal }) => refusal);
const operations = Object.entries<Operation>(OPERATIONS);
const names = new Set(
  operations.flatMap(([, { body, answer }]) =>
    [body, answer].flatMap(
      (schema) => (JSON.stringify(schema?.ast) ?? "").match(/[a-z]+(?:_[a-z]+)+/g) ?? [],
    ),
  ),
);

/** Refused before a call can be, so that embedders never read them. */
const ofHttp = new Set<string>(Object.keys(refusals));
for (const tag of ["InvalidBody", "InvalidMember"]) ofHttp.delete(tag);

it.each(each.filter(({ _tag }) => !ofHttp.has(_tag) && _tag !== "Unauthenticated"))(
  "a call that is refused with $_tag reads of no header, route or member of the wire",
  (refusal) => {
    const text = written(refusal, CALLS);
    expect(text).not.toMatch(/header|body|…\/|\b(?:GET|POST|DELETE)\b/);
    // Samples are those of the wire.
    if (refusal._tag !== "InvalidMember") expect(text).not.toMatch(/[a-z]+_[a-z]+/);
  },
);

it.each(each)("a request that is refused with $_tag reads of no option or call", (refusal) => {
  const text = written(refusal, WIRE);
  expect(names.size).toBeGreaterThan(10);
  for (const [call] of operations) {
    if (/[A-Z]/.test(call)) expect(text).not.toContain(call);
  }
  for (const name of names) expect(text).not.toContain(camelCase(name));
});

it("the routes that sentences name are those of the operations", () => {
  for (const [call, route] of Object.entries(ROUTES)) {
    const { methods, path } = OPERATIONS[call as keyof typeof ROUTES];
    expect(`${methods[0]} ${path.replace(FILES, "…").replace("/api/v1/orgs/:slug", "…")}`).toBe(
      route,
    );
  }
});
