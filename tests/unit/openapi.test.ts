import * as Context from "effect/Context";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Schema from "effect/Schema";
import fc from "fast-check";
import { expect, it } from "vitest";
import { makeApp } from "../../adapters/http/app.ts";
import type { Services } from "../../adapters/http/decisions.ts";
import { idempotencyKeyOf } from "../../adapters/http/idempotency-key.ts";
import {
  internalProblem,
  type Problem,
  problemOf,
  type Refusal,
} from "../../adapters/http/problem.ts";
import * as refusals from "../../adapters/http/refusals.ts";
import {
  Authenticator,
  IdentityUnavailable,
  Unauthenticated,
} from "../../application/ports/authenticator.ts";
import { LimitsUnavailable } from "../../application/ports/limiter.ts";
import { StoreUnavailable } from "../../application/ports/object-store.ts";
import { OrganizationNotFound } from "../../application/ports/organizations.ts";
import { CredentialsUnavailable } from "../../application/ports/presigner.ts";
import { ByteSize } from "../../domain/byte-size.ts";
import { Checksum } from "../../domain/checksum.ts";
import * as rules from "../../domain/errors.ts";
import { FileName } from "../../domain/file-name.ts";
import { LinkLifetime } from "../../domain/link.ts";
import { MediaType } from "../../domain/media-type.ts";
import { OrganizationSlug } from "../../domain/organization.ts";
import { EVERY_SCOPE } from "../../domain/principal.ts";
import { StorageKey } from "../../domain/storage-key.ts";
import document from "../../deploy/openapi.json" with { type: "json" };

interface Node {
  readonly $ref?: string;
  readonly const?: unknown;
  readonly enum?: ReadonlyArray<unknown>;
  readonly oneOf?: ReadonlyArray<Node>;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: ReadonlyArray<string>;
  readonly additionalProperties?: boolean;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}
interface Answer {
  readonly $ref?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, { readonly schema: Node }>>;
}
interface Operation {
  readonly responses: Readonly<Record<string, Answer>>;
}

// Wider than what TypeScript reads out of the file.
const schemas = document.components.schemas as Readonly<Record<string, unknown>> as Readonly<
  Record<string, Node>
>;
const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
const operations = Object.entries<Readonly<Record<string, unknown>>>(document.paths).flatMap(
  ([path, item]) =>
    METHODS.filter((method) => method in item).map((method) => ({
      name: `${method.toUpperCase()} ${path}`,
      ...(item[method] as Operation),
    })),
);

/** What a reference leads to. */
function resolve<A extends { readonly $ref?: string }>(node: A): A {
  if (node.$ref === undefined) return node;
  const [, ...names] = node.$ref.split("/");
  return names.reduce<unknown>(
    (inner, name) => (inner as Record<string, unknown>)[name],
    document,
  ) as A;
}

/** Every kind of refusal that is documented, by its status and code. */
const documented = new Map<string, { readonly answer: Answer; readonly schema: Node }>();
for (const { responses } of operations) {
  for (const [status, reference] of Object.entries(responses)) {
    const answer = resolve(reference);
    const content = answer.content?.["application/problem+json"]?.schema;
    if (content === undefined) continue;
    for (const schema of (content.oneOf ?? [content]).map(resolve)) {
      const { status: own, code } = schema.properties ?? {};
      expect(String(own?.const)).toBe(status);
      for (const each of code?.enum ?? [code?.const]) {
        documented.set(`${status} ${String(each)}`, { answer, schema });
      }
    }
  }
}

const faults = [{ pointer: "/size", reason: "it is missing" }] as const;
const allowance = {
  of: "subject",
  limit: { count: 120, window: Duration.minutes(1) },
  remaining: 0,
  resetAfter: 60,
} as const;
const reason = "for the operator";

/** At least one refusal of each kind, with all that it can carry. */
const SAMPLES: {
  readonly [Tag in Refusal["_tag"]]: ReadonlyArray<Extract<Refusal, { readonly _tag: Tag }>>;
} = {
  InvalidBody: [new refusals.InvalidBody({ faults })],
  InvalidMember: (
    ["INVALID_FILE_NAME", "INVALID_CONTENT_TYPE", "INVALID_SIZE", "INVALID_CHECKSUM"] as const
  ).map((code) => new refusals.InvalidMember({ code, fault: faults[0] })),
  BodyNotJson: [new refusals.BodyNotJson()],
  BodyTooLarge: [new refusals.BodyTooLarge({ limit: 1 })],
  MalformedRequest: [new refusals.MalformedRequest()],
  HeadersTooLarge: [new refusals.HeadersTooLarge({ limit: 1 })],
  RequestTimeout: [new refusals.RequestTimeout({ seconds: 1 })],
  InvalidIdempotencyKey: [new refusals.InvalidIdempotencyKey()],
  MethodNotAllowed: ["GET", "GET, HEAD", "POST"].map(
    (allow) => new refusals.MethodNotAllowed({ allow }),
  ),
  NotFound: [new refusals.NotFound()],
  LoopbackOnly: [new refusals.LoopbackOnly()],
  FileTooLarge: [new rules.FileTooLarge({ limit: 1, actual: 2 })],
  MediaTypeNotAllowed: [new rules.MediaTypeNotAllowed({ actual: "a/b", allowed: [] })],
  UnknownPolicy: [new rules.UnknownPolicy({ known: [] })],
  PolicyNotAllowed: [new rules.PolicyNotAllowed({ callers: [] })],
  ChecksumRequired: [new rules.ChecksumRequired()],
  ChecksumNotSupported: [new rules.ChecksumNotSupported({ supported: [] })],
  InvalidReceipt: [new rules.InvalidReceipt()],
  UploadIncomplete: [new rules.UploadIncomplete()],
  UploadMismatch: [new rules.UploadMismatch({ differences: [] })],
  LinksNotAllowed: [new rules.LinksNotAllowed()],
  LinkTooLong: [new rules.LinkTooLong({ limit: 1 })],
  LinkNotFound: [new rules.LinkNotFound()],
  ScopeMissing: [...EVERY_SCOPE].map((scope) => new rules.ScopeMissing({ scope })),
  RateLimited: [new rules.RateLimited({ allowance, retryAfter: 1 })],
  QuotaExceeded: [new rules.QuotaExceeded({ bytes: 1, objects: 1, retryAfter: 1 })],
  IdempotencyConflict: [new rules.IdempotencyConflict()],
  IdempotencyNotSupported: [new rules.IdempotencyNotSupported()],
  OrganizationNotFound: [new OrganizationNotFound()],
  Unauthenticated: [new Unauthenticated({ by: "token" })],
  IdentityUnavailable: [new IdentityUnavailable({ reason })],
  LimitsUnavailable: [new LimitsUnavailable({ reason })],
  CredentialsUnavailable: [new CredentialsUnavailable({ reason })],
  StoreUnavailable: [new StoreUnavailable({ reason })],
};
const problems: ReadonlyArray<Problem> = [
  ...Object.values<ReadonlyArray<Refusal>>(SAMPLES).flat().map(problemOf),
  internalProblem("id"),
];
const nameOf = ({ status, code }: Problem) => `${status} ${code}`;

it("every status with its code is documented, and no other", () => {
  expect([...documented.keys()].sort()).toEqual([...new Set(problems.map(nameOf))].sort());
});

it.each(problems)("$status $code: its members and headers are documented", (problem) => {
  const { answer, schema } = documented.get(nameOf(problem)) ?? {};
  const { title, detail, status, code, members, headers = {} } = problem;
  const sent = Object.keys({ title, detail, status, code, ...members });
  expect(Object.keys(schema?.properties ?? {})).toEqual(expect.arrayContaining(sent));
  expect(sent).toEqual(expect.arrayContaining([...(schema?.required ?? [])]));
  // How a connection goes on is not of the API.
  const { Connection: _, ...told } = headers;
  expect(Object.keys(answer?.headers ?? {})).toEqual(expect.arrayContaining(Object.keys(told)));
});

const sortedSet = (values: ReadonlyArray<unknown>) => [...new Set(values)].sort();

it("the values that headers and members can have are those that are sent", () => {
  expect(sortedSet(SAMPLES.MethodNotAllowed.map(({ allow }) => allow))).toEqual(
    sortedSet(document.components.headers.Allow.schema.enum),
  );
  expect(sortedSet([...EVERY_SCOPE])).toEqual(
    sortedSet(schemas["Forbidden"]?.properties?.["scope"]?.enum ?? []),
  );
});

it("every route is documented, and no other", () => {
  const { routes } = makeApp({
    // Routing asks none of them.
    services: Context.make(Authenticator, {
      authenticate: () => Effect.never,
    }) as Context.Context<never> as Context.Context<Services>,
    readiness: Effect.never,
    isStopping: () => false,
    corsOrigins: [],
    publicUrl: new URL("https://uploads.example.com"),
    development: undefined,
    mounts: [],
  });
  const served = routes
    .filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
  // What answers GET says in `Allow` whether it answers HEAD.
  const documented = operations.map(({ name }) => name).filter((name) => !name.startsWith("HEAD"));
  expect(documented.sort()).toEqual([...new Set(served)].sort());
});

it("no schema demands a member that it forbids", () => {
  const objects = Object.values(schemas).filter(
    ({ additionalProperties }) => additionalProperties === false,
  );
  expect(objects.length).toBeGreaterThan(20);
  for (const { properties = {}, required = [] } of objects) {
    expect(Object.keys(properties)).toEqual(expect.arrayContaining([...required]));
  }
});

/** Whether a schema permits a text or a number. */
function permits(schema: Node | undefined, value: string | number): boolean {
  const { pattern = "", minLength = 0, maxLength = Infinity } = schema ?? {};
  const { minimum = -Infinity, maximum = Infinity } = schema ?? {};
  if (typeof value === "number") {
    return Number.isInteger(value) && value >= minimum && value <= maximum;
  }
  const { length } = [...value];
  return length >= minLength && length <= maxLength && new RegExp(pattern, "u").test(value);
}

/** Texts of pieces that mean something, so that many are well-formed and the others nearly so. */
const textOf = (...pieces: ReadonlyArray<string>) =>
  fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join(""));

const mediaTypes = fc.oneof(
  textOf("a", "/", "*", ";", " ", "\t", ",", '"', "\\", "=", "charset", "codecs", "é", "\n"),
  fc
    .array(
      fc.constantFrom(
        "",
        " ",
        "charset=x",
        "CHARSET=*",
        'charset="a b"',
        'charset="a,b"',
        'charset="\\,"',
        'codecs="a,b"',
        "codecs=a,b",
        'Codecs="\\""',
        " codecs=a",
        "q=1",
        "charset=",
        "\t",
      ),
      { maxLength: 4 },
    )
    .map((parameters) => ["text/plain", ...parameters].join(";")),
);
/** Of the lengths that count and their neighbours, and with bits that belong to no byte. */
const checksumValues = fc
  .tuple(
    fc.constantFrom(3, 4, 5, 15, 16, 17, 31, 32, 33),
    fc.option(fc.constantFrom("A", "B", "C", "Q", "k", "-", "="), { nil: undefined }),
  )
  .chain(([length, last]) =>
    fc
      .uint8Array({ minLength: length, maxLength: length })
      .map((bytes) => Buffer.from(bytes).toString("base64"))
      .map((value) => (last === undefined ? value : value.replace(/[^=](?==*$)/, last))),
  );
const fileNames = fc.oneof(
  fc.string({ unit: "binary", maxLength: 3 }),
  textOf(
    "a.png",
    "/",
    "\\",
    "\0",
    "\u0085",
    "\u2027",
    "\u202e",
    "\u2065",
    "\u2066",
    "\u206a",
    "😀",
  ),
);
const idempotencyKeys = textOf('"', "a", " ", "\\", "~", ",", "x".repeat(200), "é", "\x7f");
const keys = textOf(
  "orgs/a/files/",
  "2026/11/",
  "2026/13/",
  "3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f",
  ".png",
  "A",
);

const same = (
  values: fc.Arbitrary<string>,
  schema: Node | undefined,
  accepts: (value: string) => boolean,
) => {
  fc.assert(
    fc.property(values, (value) => {
      expect(permits(schema, value), JSON.stringify(value)).toBe(accepts(value));
    }),
    { numRuns: 2000 },
  );
};

it("the schemas of texts permit what the service accepts", () => {
  same(mediaTypes, schemas["MediaType"], Schema.is(MediaType));
  same(
    fileNames.filter((name) => name.isWellFormed()),
    schemas["FileName"],
    Schema.is(FileName),
  );
  const { schema: slug } = document.components.parameters.Slug;
  same(textOf("a", "-", "A", "0", "_", "é", "a".repeat(31)), slug, Schema.is(OrganizationSlug));
  const [header] = document.paths["/api/v1/orgs/{slug}/files/presign"].post.parameters;
  same(idempotencyKeys, header?.schema, (key) =>
    Exit.isSuccess(Effect.runSyncExit(idempotencyKeyOf(key))),
  );
});

it.each(["sha256", "crc32c", "md5"] as const)(
  "the schema of a checksum permits %s as the service does",
  (algorithm) => {
    const variant = schemas["Checksum"]?.oneOf?.find(
      ({ properties }) => properties?.["algorithm"]?.const === algorithm,
    );
    same(checksumValues, variant?.properties?.["value"], (value) =>
      Schema.is(Checksum)({ algorithm, value }),
    );
  },
);

it("the schemas of numbers permit what the service accepts", () => {
  const lifetime = schemas["LinkRequest"]?.properties?.["expires_in"];
  const edges = [0, 1, 1.5, -1, 315_619_200, 315_619_201, Number.MAX_SAFE_INTEGER, 2 ** 53];
  for (const value of edges) {
    expect(permits(schemas["Size"], value), String(value)).toBe(Schema.is(ByteSize)(value));
    expect(permits(lifetime, value), String(value)).toBe(
      Schema.is(LinkLifetime)(Duration.seconds(value)),
    );
  }
});

it("the schema of keys permits those of the service", () => {
  same(keys, schemas["Key"], Schema.is(StorageKey));
  const [key = ""] = document.components.schemas.Key.examples;
  expect(Schema.is(StorageKey)(key)).toBe(true);
  expect(permits(schemas["Key"], key)).toBe(true);
});
