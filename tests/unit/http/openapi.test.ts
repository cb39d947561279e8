import * as Context from "effect/Context";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as References from "effect/References";
import * as Schema from "effect/Schema";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { type AppOptions, makeApp } from "../../../adapters/http/app/app.ts";
import type { Services } from "../../../adapters/http/options.ts";
import { fileStateOperation } from "../../../adapters/http/operations/file-state.ts";
import { openFileOperation } from "../../../adapters/http/operations/open-file.ts";
import { publicFileRoute } from "../../../adapters/http/operations/public-file.ts";
import { SAMPLES } from "../../../adapters/http/problems/samples.ts";
import { Authenticator } from "../../../application/ports/authenticator.ts";
import { Policies } from "../../../application/ports/policies.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { Checksum } from "../../../domain/checksum.ts";
import { FileName } from "../../../domain/file-name.ts";
import { LinkLifetime } from "../../../domain/link.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { OrganizationSlug } from "../../../domain/organization.ts";
import { StorageKey } from "../../../domain/storage-key.ts";
import { DEFAULT_POLICY, defaultPolicy } from "../../../domain/upload-policy.ts";
import { type Document, type Node, outlineOf } from "./openapi-outline.ts";
import { tries } from "../../support/tries.ts";

const options: AppOptions = {
  // The document needs no other: with a public policy, all routes are there.
  services: Context.make(Authenticator, { authenticate: () => Effect.never }).pipe(
    Context.add(References.MinimumLogLevel, "None"),
    Context.add(Policies, new Map([[DEFAULT_POLICY, { ...defaultPolicy, public: true }]])),
  ) as Context.Context<never> as Context.Context<Services>,
  readiness: Effect.never,
  isStopping: () => false,
  corsOrigins: ["https://app.example.com"],
  publicUrl: new URL("https://uploads.example.com"),
  loopbackOnly: false,
  page: undefined,
  mounts: [],
};
const service = makeApp(options);
/** Inside another service, which has its own health checks. */
const embedded = makeApp({ ...options, readiness: undefined });

const ask = async (init: RequestInit = {}, app = service) => app.request("/openapi.json", init);
const text = await (await ask()).text();
const document: Document = JSON.parse(text);
const { schemas, headers } = document.components;
/** The schema that a reference names. */
const named = (schema: Node | undefined): Node | undefined =>
  schemas[schema?.$ref?.split("/").at(-1) ?? ""];
const operationsOf = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  );
const operations = operationsOf(document);

it("a change of the API changes the outline", async () => {
  await expect(outlineOf(document)).toMatchFileSnapshot("openapi.txt");
});

it("the document has the version of the package, and other origins may read and cache it", async () => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8"));
  expect(document.info.version).toBe(version);
  const answer = await ask({ headers: { Origin: "https://app.example.com" } });
  expect(answer.headers.get("cache-control")).toBe("public, max-age=300");
  expect(answer.headers.get("access-control-allow-origin")).toBe("https://app.example.com");
  const refused = await ask({ method: "POST" });
  expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
});

it.each([
  { name: "the service", app: service },
  { name: "an embedded service", app: embedded },
])("$name documents every route, and no other", async ({ app }) => {
  // A parameter in a path has no slash in a document.
  const deep = new Set<string>(
    [openFileOperation, fileStateOperation, publicFileRoute].flatMap(
      ({ deepPaths = [] }) => deepPaths,
    ),
  );
  const served = app.routes
    .filter(({ path }) => !deep.has(path))
    .filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
  // What answers GET says in `Allow` whether it answers HEAD.
  const documented = operationsOf(await (await ask({}, app)).json())
    .map(({ name }) => name)
    .filter((name) => !name.startsWith("HEAD"));
  expect(documented.sort()).toEqual([...new Set(served)].sort());
});

/** An answer tells it of one object, with its code. */
const isOfObject = ({ refusal }: (typeof SAMPLES)[number]) => refusal._tag === "ObjectRefused";

it("what is refused of one object is no answer to a request, and its codes are documented", () => {
  const told = JSON.stringify(schemas["RefusedObject"]?.properties?.["code"]);
  for (const { problem } of SAMPLES.filter(isOfObject)) {
    expect(`${told} NOT_FOUND`).toContain(problem.code);
  }
  const complete = operations.find(({ name }) => name.endsWith("/credentials/complete"));
  const statuses = Object.keys(complete?.operation.responses ?? {});
  expect(statuses).toContain("400");
  expect(statuses).not.toContain("409");
});

it.each(SAMPLES.filter((sample) => !isOfObject(sample)).map(({ problem }) => problem))(
  "the refusal $status $code ($title) is documented with the headers that it is sent with",
  ({ status, code, headers: sent }) => {
    const answers = operations.flatMap(({ operation }) => {
      const answer = operation.responses[status];
      const schema = answer?.content?.["application/problem+json"]?.schema;
      const isOfCode = (named(schema)?.oneOf ?? [schema]).some(
        (each) => named(each)?.properties?.["code"]?.enum?.[0] === code,
      );
      return answer !== undefined && isOfCode ? [answer] : [];
    });
    expect(answers).not.toEqual([]);
    // How a connection goes on is not part of the API.
    const { Connection: _, ...told } = sent;
    for (const [name, value] of Object.entries(told)) {
      expect(answers.map((answer) => Object.keys(answer.headers ?? {}))).toContainEqual(
        expect.arrayContaining([name]),
      );
      const { type, const: only, enum: some = [only], pattern } = headers[name]?.schema ?? {};
      if (pattern !== undefined) expect(value).toMatch(new RegExp(pattern));
      else if (type === "integer") expect(Number(value)).toBeGreaterThan(0);
      else expect(some).toContain(value);
    }
  },
);

// What generators of clients read, or read wrongly.

it("every body has a name", () => {
  for (const { name, operation } of operations) {
    for (const { content = {} } of [
      operation.requestBody ?? {},
      ...Object.values(operation.responses),
    ]) {
      for (const [type, { schema }] of Object.entries(content)) {
        const isAnything = type === "*/*" || name.endsWith("/openapi.json");
        expect(isAnything || named(schema), `${name} ${type}`).toBeTruthy();
      }
    }
  }
});

it("refusals of one status are told apart by their code", () => {
  const unions = Object.entries(schemas).filter(([, { discriminator }]) => discriminator);
  expect(unions.length).toBeGreaterThan(20);
  for (const [name, { oneOf = [], discriminator }] of unions) {
    expect(discriminator?.propertyName).toBe("code");
    const codes = oneOf.map((each) => [named(each)?.properties?.["code"]?.enum?.[0], each.$ref]);
    expect(Object.entries(discriminator?.mapping ?? {}), name).toEqual(codes);
  }
});

it("numbers have their width, headers a type, and booleans both values", () => {
  const nodes: Array<Node> = [];
  JSON.parse(
    JSON.stringify(schemas),
    (_, value) => (typeof value?.type === "string" ? nodes.push(value) : 0, value),
  );
  expect(nodes.length).toBeGreaterThan(200);
  for (const node of nodes) {
    expect(node.type).not.toBe("number");
    const isWide =
      node.type === "integer" && Number(node.maximum ?? node.enum?.[0] ?? Infinity) >= 2 ** 31;
    expect(node.format === "int64", JSON.stringify(node)).toBe(isWide);
    if (node.type === "boolean") expect([node.enum, node.const]).toEqual([undefined, undefined]);
  }
  for (const { schema } of Object.values(headers)) expect(schema.type).toBeTypeOf("string");
  expect(text).not.toContain('"anyOf"');
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

/** Texts made of meaningful pieces, so that many are well-formed and the others nearly so. */
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
/** Values of the lengths that matter and their neighbours; some have bits that belong to no byte. */
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
const keys = textOf(
  "orgs/a/files/",
  "2026/11/",
  "2026/13/",
  "avatars/",
  "31/",
  "orgs/a/",
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
    { numRuns: tries(2000) },
  );
};

const { post: presign } = document.paths["/api/v1/orgs/{slug}/files/presign"] ?? {};
const [slug] = presign?.parameters ?? [];

it("the schemas of strings permit exactly what the service accepts", () => {
  same(mediaTypes, schemas["MediaType"], Schema.is(MediaType));
  same(
    fileNames.filter((name) => name.isWellFormed()),
    schemas["FileName"],
    Schema.is(FileName),
  );
  same(keys, schemas["Key"], Schema.is(StorageKey));
  same(
    textOf("a", "-", "A", "0", "_", "é", "a".repeat(31)),
    slug?.schema,
    Schema.is(OrganizationSlug),
  );
  for (const algorithm of ["sha256", "crc32c", "md5"] as const) {
    const variant = schemas["Checksum"]?.allOf?.[0]?.oneOf?.find(
      ({ properties }) => properties?.["algorithm"]?.const === algorithm,
    );
    same(checksumValues, variant?.properties?.["value"], (value) =>
      Schema.is(Checksum)({ algorithm, value }),
    );
  }
});

it("the schemas of numbers permit exactly what the service accepts", () => {
  const lifetime = schemas["LinkRequest"]?.properties?.["expires_in"];
  const edges = [0, 1, 1.5, -1, 315_619_200, 315_619_201, Number.MAX_SAFE_INTEGER, 2 ** 53];
  for (const value of edges) {
    expect(permits(schemas["Size"], value), String(value)).toBe(Schema.is(ByteSize)(value));
    expect(permits(lifetime, value), String(value)).toBe(
      Schema.is(LinkLifetime)(Duration.seconds(value)),
    );
  }
});
