import * as Duration from "effect/Duration";
import fc from "fast-check";
import { expect, it } from "vitest";
import { ByteSize } from "../../domain/byte-size.ts";
import { Lifetime } from "../../domain/lifetime.ts";
import { LinkLifetime } from "../../domain/link.ts";
import { AllowedType, type UploadPolicy } from "../../domain/upload-policy.ts";
import { PRESIGN, presignInit, SERVICE_TOKEN, startService, storeOf, TOKEN } from "./service.ts";

const POLICIES = "/api/v1/orgs/acme/files/policies";
const SHA256 = "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=";

interface Listed {
  readonly name: string;
  readonly max_size: number;
  readonly allowed_types: ReadonlyArray<string>;
  readonly extensions: Readonly<Record<string, string>>;
  readonly require_checksum: boolean;
  readonly checksums: ReadonlyArray<string>;
}

const authorized = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

async function list(policies: Readonly<Record<string, Partial<UploadPolicy>>>, token = TOKEN) {
  const { request } = await startService({ policies });
  const answer = await request(POLICIES, authorized(token));
  expect(answer.status).toBe(200);
  const { policies: listed } = await answer.json();
  return new Map<string, Listed>(listed.map((policy: Listed) => [policy.name, policy]));
}

const types = (...names: ReadonlyArray<string>) => names.map((name) => AllowedType.make(name));

it("a policy is listed with its limits, types and lifetimes, and what the store verifies", async () => {
  const listed = await list({
    sealed: {
      maxSize: ByteSize.make(5 * 2 ** 20),
      allowedTypes: types("image/jpeg", "application/pdf"),
      putLifetime: Lifetime.make(Duration.hours(1)),
      getLifetime: Lifetime.make(Duration.days(7)),
      linkLifetime: LinkLifetime.make(Duration.days(365)),
      strict: true,
      writeOnce: true,
      requireChecksum: true,
    },
  });
  expect([...listed.keys()]).toEqual(["files", "sealed"]);
  expect(listed.get("sealed")).toEqual({
    name: "sealed",
    max_size: 5_242_880,
    allowed_types: ["image/jpeg", "application/pdf"],
    extensions: {
      ".jpg": "image/jpeg",
      ".jpeg": "image/jpeg",
      ".jpe": "image/jpeg",
      ".pdf": "application/pdf",
    },
    put_lifetime: 3600,
    get_lifetime: 604_800,
    link_lifetime: 31_536_000,
    strict: true,
    write_once: true,
    require_checksum: true,
    checksums: ["sha256", "crc32c", "md5"],
    multipart: {
      max_size: 5_242_880,
      min_part_size: 5_242_880,
      checksums: ["sha256", "crc32c", "md5"],
      whole_checksums: ["crc32c"],
    },
  });
  // A policy without links has no lifetime of links.
  expect(listed.get("files")).not.toHaveProperty("link_lifetime");
});

const NO_PARTS = { abilities: new Set(["md5"] as const) };
const OF: Readonly<Record<string, Parameters<typeof storeOf>>> = {
  minio: ["minio"],
  s3: ["s3"],
  "one that joins no parts": ["s3", { certificate: NO_PARTS }],
};

it.each([
  [
    "minio",
    {
      max_size: 10_485_760,
      min_part_size: 5_242_880,
      checksums: ["sha256", "crc32c", "md5"],
      whole_checksums: ["crc32c"],
    },
  ],
  ["s3", { max_size: 10_485_760, min_part_size: 5_242_880, checksums: [], whole_checksums: [] }],
  ["one that joins no parts", undefined],
] as const)(
  "the list of policies tells whether the store %s takes files in parts, and how",
  async (provider, multipart) => {
    const { request } = await startService({ storage: storeOf(...(OF[provider] ?? ["s3"])) });
    const { policies } = await (await request(POLICIES, authorized(TOKEN))).json();
    expect(policies[0].multipart).toEqual(multipart);
    const start = presignInit({ filename: "a.png", content_type: "image/png", size: 5 });
    const { status } = await request(POLICIES.replace("policies", "multipart"), start);
    // Nobody runs the store: an upload that is granted ends with 503.
    expect(status).toBe(multipart === undefined ? 400 : 503);
  },
);

it("a policy takes no parts where the store could not hold to it then", async () => {
  const { request } = await startService({
    storage: storeOf("s3"),
    policies: {
      sealed: { requireChecksum: true },
      scanned: { arrival: "incoming", writeOnce: true, scan: "clamd" },
      plain: { arrival: "incoming" },
    },
  });
  const { policies } = await (await request(POLICIES, authorized(TOKEN))).json();
  for (const { name, multipart } of policies) {
    const start = { filename: "a.png", content_type: "image/png", size: 5, policy: name };
    const path = POLICIES.replace("policies", "multipart");
    const isOffered = ["files", "plain"].includes(name);
    expect([name, multipart !== undefined]).toEqual([name, isOffered]);
    expect((await request(path, presignInit(start))).status).toBe(isOffered ? 503 : 400);
  }
});

it("the list of policies shows a caller only the policies that it may use", async () => {
  const policies = { machines: { callers: ["service"] }, avatars: { callers: ["user"] } } as const;
  expect([...(await list(policies)).keys()]).toEqual(["files", "avatars"]);
  expect([...(await list(policies, SERVICE_TOKEN)).keys()]).toEqual(["files", "machines"]);
});

it("a policy for all subtypes of a type is listed with their extensions, each with its type", async () => {
  const { extensions = {} } =
    (await list({ any: { allowedTypes: types("image/*") } })).get("any") ?? {};
  expect(extensions).toMatchObject({
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".heic": "image/heic",
    ".svg": "image/svg+xml",
  });
  expect(Object.values(extensions).filter((type) => !type.startsWith("image/"))).toEqual([]);
});

it("a type without a usual extension and an unknown type are listed without extensions", async () => {
  const allowed = ["application/x-of-our-own", "message/news"];
  const listed = (await list({ own: { allowedTypes: types(...allowed) } })).get("own");
  expect(listed).toMatchObject({ allowed_types: allowed, extensions: {} });
});

it("presign grants each listed type up to the listed size, with any parameters, and refuses one byte more", async () => {
  const type = fc.constantFrom(
    ...types(
      "image/*",
      "text/plain",
      "application/pdf",
      "video/mp4",
      "font/*",
      "application/x-own",
    ),
  );
  const policy = fc.record({
    maxSize: fc.integer({ min: 1, max: 2 ** 40 }).map((size) => ByteSize.make(size)),
    allowedTypes: fc.uniqueArray(type, { minLength: 1 }),
    callers: fc.constantFrom<UploadPolicy["callers"]>(["user"], ["service"], ["user", "service"]),
    requireChecksum: fc.boolean(),
    strict: fc.boolean(),
    writeOnce: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(policy, fc.constantFrom(TOKEN, SERVICE_TOKEN), async (one, token) => {
      const { request, close } = await startService({ policies: { one } });
      const { policies } = await (await request(POLICIES, authorized(token))).json();
      for (const listed of policies as ReadonlyArray<Listed>) {
        const ask = async (content_type: string, size: number) => {
          const checksum = { algorithm: "sha256", value: SHA256 };
          const answer = await request(
            PRESIGN,
            presignInit(
              {
                filename: "a",
                content_type,
                size,
                policy: listed.name,
                ...(listed.require_checksum ? { checksum } : {}),
              },
              authorized(token).headers,
            ),
          );
          return answer.status;
        };
        const plain = listed.allowed_types.filter((name) => !name.endsWith("/*"));
        const each = new Set([...plain, ...Object.values(listed.extensions)]);
        for (const content_type of each) {
          expect([content_type, await ask(content_type, listed.max_size)]).toEqual([
            content_type,
            200,
          ]);
        }
        const [first = ""] = each;
        expect(await ask(`${first}; charset=utf-8`, listed.max_size)).toBe(200);
        expect(await ask(first, listed.max_size + 1)).toBe(413);
      }
      await close();
    }),
    { numRuns: 15 },
  );
});

it("a browser may cache the list of policies for the same caller, and a shared cache may not", async () => {
  const { request } = await startService();
  const headers = { ...authorized(TOKEN).headers, Origin: "https://app.example.com" };
  const answer = await request(POLICIES, { headers });
  expect(answer.headers.get("cache-control")).toBe("private, max-age=60");
  expect(answer.headers.get("vary")).toBe("Origin, Authorization, Cookie");
  expect(answer.headers.get("access-control-allow-origin")).toBe("https://app.example.com");
  expect(answer.headers.get("content-type")).toBe("application/json");
});
