import fc from "fast-check";
import * as Redacted from "effect/Redacted";
import { expect, it } from "vitest";
import { ByteSize } from "../../domain/byte-size.ts";
import { AllowedType } from "../../domain/upload-policy.ts";
import { OrganizationId, OrganizationSlug } from "../../domain/organization.ts";
import { PRESIGN, presignInit, SERVICE_TOKEN, startService, TOKEN } from "./service.ts";
import { tries } from "../support/tries.ts";

const AS_SERVICE = { Authorization: `Bearer ${SERVICE_TOKEN}` };
const policies = {
  diagnostics: {
    callers: ["service"],
    maxSize: ByteSize.make(200 * 2 ** 20),
    allowedTypes: [AllowedType.make("application/gzip")],
  },
  documents: { callers: ["user"] },
  sealed: { strict: true },
  verified: { requireChecksum: true },
} as const;

const PNG = { filename: "a.png", content_type: "image/png", size: 5 };
const LOGS = {
  filename: "runner.tar.gz",
  content_type: "application/gzip",
  size: 100 * 2 ** 20,
  policy: "diagnostics",
};

async function ask(body: unknown, headers: Readonly<Record<string, string>> = {}) {
  return (await startService({ policies })).send(PRESIGN, body, { headers });
}

it("no header or parameter of a request can choose the host, bucket, path or lifetime of a signed URL", async () => {
  // The Host header is not checked where other machines may call.
  const { request } = await startService({ policies, loopbackOnly: false });
  const name = fc.constantFrom(
    "Host",
    "Forwarded",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
    "X-Forwarded-Server",
    "X-Host",
    "X-Original-Host",
    "X-Original-URL",
    "X-Rewrite-URL",
    "Origin",
    "Referer",
    "X-Amz-Date",
    "X-Goog-Date",
    "X-Audience",
  );
  const value = fc.constantFrom("evil.example", "evil.example:9", "host=evil.example", "internal");
  await fc.assert(
    fc.asyncProperty(fc.dictionary(name, value), fc.boolean(), async (headers, isService) => {
      const caller: Record<string, string> = isService ? AS_SERVICE : {};
      const address = `${PRESIGN}?expires=1&bucket=x&X-Amz-Expires=9`;
      const answer = await request(address, presignInit(PNG, { ...headers, ...caller }));
      expect(answer.status).toBe(200);
      const { put_url, get_url } = await answer.json();
      expect(put_url).toContain("X-Amz-Expires=900");
      expect(new URL(put_url).pathname).toMatch(/^\/files\/orgs\/org_1\//);
      for (const url of [put_url, get_url]) {
        expect(new URL(url).host).toBe(isService ? "127.0.0.1:2" : "store.example.com");
      }
    }),
    { numRuns: tries(300) },
  );
});

it("a presign under a policy that the caller may not use is 403, whatever else is wrong", async () => {
  const person = await ask({ ...LOGS, size: 2 ** 40 });
  expect(person).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
  const service = await ask({ ...PNG, policy: "documents" }, AS_SERVICE);
  expect(service).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
});

it.each(["nothing", "constructor", "__proto__", "", "FILES", "a".repeat(10_000)])(
  "a presign under a policy that does not exist is 400, with those that the caller may use: %s",
  async (policy) => {
    const { status, body } = await ask({ ...PNG, policy });
    expect(status).toBe(400);
    expect(body).toMatchObject({
      code: "UNKNOWN_POLICY",
      known: ["files", "documents", "sealed", "verified"],
    });
  },
);

const SHA256 = "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=";

/** Every way to ask for an upload under a policy. */
const waysUnder = (policy: string) =>
  [
    ["presign", { ...PNG, policy }],
    ["batch", { files: [PNG, { ...PNG, policy }] }],
    ["batch", { files: [PNG], policy }],
    ["multipart", { ...PNG, policy }],
  ] as const;

const organizations = ["acme", "Acme", "globex"].map(
  (name) => [OrganizationSlug.make(name), OrganizationId.make(`org_${name}`)] as const,
);
const startTwo = async () => {
  const dev = { value: Redacted.make(TOKEN), isGenerated: false };
  const service = { value: Redacted.make(SERVICE_TOKEN), isGenerated: false };
  const { send } = await startService({
    policies: { films: { organizations: [OrganizationSlug.make("acme")] }, sealed: {} },
    identity: {
      callers: { auth: "dev", exposed: false, tokens: { user: dev, service } },
      organizations: { table: new Map(organizations) },
    },
  });
  return async (organization: string, path: string, body?: object) => {
    const { headers: _, ...answer } = await send(
      `/api/v1/orgs/${organization}/files/${path}`,
      body,
    );
    return answer;
  };
};

it("a policy of some organizations grants uploads of its organizations, and is one that does not exist to all others", async () => {
  const ask = await startTwo();
  for (const [index, [path, body]] of waysUnder("films").entries()) {
    const own = await ask("acme", path, body);
    // There is no store that could begin an upload in parts.
    if (path === "multipart") expect(own.body.code, path).toBe("STORE_UNAVAILABLE");
    else expect(own.status, path).toBe(200);
    for (const other of ["globex", "Acme"]) {
      const hidden = await ask(other, path, body);
      const [, unknown] = waysUnder("nothing")[index] ?? [];
      expect(hidden, path).toEqual(await ask(other, path, unknown));
      expect([hidden.status, hidden.body.code]).toEqual([400, "UNKNOWN_POLICY"]);
      expect(hidden.body.known).toEqual(["files", "sealed"]);
    }
  }
});

it("a policy of some organizations is listed for its organizations alone", async () => {
  const ask = await startTwo();
  const listed = async (organization: string) =>
    (await ask(organization, "policies")).body.policies.map(({ name }: { name: string }) => name);
  expect(await listed("acme")).toEqual(["files", "films", "sealed"]);
  expect(await listed("globex")).toEqual(["files", "sealed"]);
  expect((await ask("acme", "presign", { ...PNG, policy: "none" })).body.known).toContain("films");
});

it("a checksum is bound as the header that the store verifies", async () => {
  const checksum = { algorithm: "sha256", value: SHA256 };
  const { body } = await ask({ ...PNG, checksum });
  expect(body.put_headers).toEqual({
    "Content-Type": "image/png",
    "x-amz-checksum-sha256": SHA256,
  });
  const query = new URL(body.put_url).searchParams;
  expect(query.get("X-Amz-SignedHeaders")).toContain("x-amz-checksum-sha256");
  expect([...query.keys()].join()).not.toMatch(/checksum/i);
});

it.each([
  { algorithm: "sha256", value: SHA256.replace("=", "") },
  // The same bytes, with one of the unused bits of the last character set.
  { algorithm: "sha256", value: SHA256.replace("ek=", "el=") },
  { algorithm: "md5", value: SHA256 },
  { algorithm: "constructor", value: SHA256 },
  { algorithm: "crc32c", value: 5 },
  "sha256",
])("the checksum %j is refused with 400", async (checksum) => {
  const { status, body } = await ask({ ...PNG, checksum });
  expect([status, body.code]).toEqual([400, "INVALID_CHECKSUM"]);
  expect(body.errors[0].pointer).toMatch(/^\/checksum/);
});

it("strict is set by the request or by the policy, and a request cannot unset that of the policy", async () => {
  const strict = { "Content-Type": "image/png", "If-None-Match": "*" };
  const asked = await ask({ ...PNG, strict: true });
  expect(asked.body.put_headers).toEqual(strict);
  const byPolicy = await ask({ ...PNG, policy: "sealed", strict: false });
  expect(byPolicy.body.put_headers).toEqual(strict);
  const plain = await ask({ ...PNG, strict: false });
  expect(plain.body.put_headers).toEqual({ "Content-Type": "image/png" });
});
