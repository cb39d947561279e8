import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { expect, it } from "vitest";
import { newKey } from "../../../adapters/contract/sending/uploads.ts";
import { type ProviderName, PROVIDERS } from "../../../adapters/storage/s3/providers.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { s3Store } from "../../support/s3-store.ts";
import { serve } from "../../support/serve.ts";

// A server here repeats what a Ceph 16.2, a Swift 2.30 and a MinIO under TLS answered when they were
// asked for an object, since they are not always at hand.

/** What a store answers: to a `HEAD` of an object, and to `GET` by the parameter in its query. */
interface Answers {
  readonly head?: Readonly<Record<string, string>>;
  readonly status?: number;
  readonly get?: Readonly<Record<string, readonly [number, string]>>;
}

const MD5 = "09f7e02f1290be211da707a266f153b3";

async function startStore(
  { head = {}, status = 200, get = {} }: Answers,
  requests: Array<string> = [],
): Promise<URL> {
  return serve((request, response) => {
    const { searchParams } = new URL(request.url ?? "", "http://store");
    requests.push(`${request.method} ${searchParams.get("versionId")}`);
    if (request.method === "HEAD") {
      const facts = { "Content-Length": "5", "Content-Type": "text/plain", ETag: `"${MD5}"` };
      return response.writeHead(status, { ...facts, ...head }).end();
    }
    const asked = Object.keys(get).find((name) => searchParams.has(name)) ?? "object";
    const [code, body] = get[asked] ?? [500, `nothing was prepared for ${request.url}`];
    return response.writeHead(code).end(body);
  });
}

/** What is reported of the object. */
const look = async (provider: ProviderName, answers: Answers) =>
  ObjectStore.use((store) => store.head(newKey())).pipe(
    Effect.map(Option.getOrThrow),
    Effect.catch((failure) => Effect.succeed(failure)),
    Effect.provide(s3Store(await startStore(answers), { provider })),
    Effect.runPromise,
  );

const acl = (grants: string) =>
  [
    200,
    `<?xml version="1.0"?><AccessControlPolicy><Owner><ID>put</ID><DisplayName>put</DisplayName></Owner><AccessControlList>${grants}</AccessControlList></AccessControlPolicy>`,
  ] as const;
const grantTo = (grantee: string) =>
  `<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group">${grantee}</Grantee><Permission>READ</Permission></Grant>`;
const OWN = grantTo("<ID>put</ID><DisplayName>put</DisplayName>");
const EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers";

const BY_CLIENTS_KEY = {
  _tag: "ObjectUnreadable",
  header: "x-amz-server-side-encryption-customer-algorithm",
};
const encrypted = (code: string, message: string): Answers => ({
  status: 400,
  get: { object: [400, `<Error><Code>${code}</Code><Message>${message}</Message></Error>`] },
});

it.each<[string, ProviderName, Answers, object]>([
  [
    "that only its owner may read",
    "ceph",
    { get: { acl: acl(OWN) } },
    {
      size: 5,
      extraHeaders: {},
      checksums: { md5: Buffer.from(MD5, "hex").toString("base64") },
      reports: [],
      isReplayable: true,
    },
  ],
  [
    "that everybody may read",
    "ceph",
    { get: { acl: acl(grantTo(`<URI>${EVERYBODY}</URI>`) + OWN) } },
    { extraHeaders: { "x-amz-acl": EVERYBODY } },
  ],
  [
    "that another user may read",
    "ceph",
    { get: { acl: acl(OWN + grantTo("<ID>another</ID>")) } },
    { extraHeaders: { "x-amz-acl": "another" } },
  ],
  [
    "whose ACL the key may not read",
    "ceph",
    { get: { acl: [403, "<Code>AccessDenied</Code>"] } },
    { _tag: "StoreUnavailable", reason: expect.stringContaining("s3:GetObjectAcl") },
  ],
  ...[404, 405, 501].map((status): [string, ProviderName, Answers, object] => [
    `of a server without ACLs (${status})`,
    "s3",
    { get: { acl: [status, ""] } },
    { size: 5, extraHeaders: {} },
  ]),
  [
    "that the store will remove",
    "swift",
    { head: { "X-Delete-At": "1795000000" }, get: { acl: acl(OWN) } },
    { extraHeaders: { "x-delete-at": "1795000000" } },
  ],
  ...(["aws", "seaweedfs", "versitygw"] as const).map(
    (provider): [string, ProviderName, Answers, object] => [
      `of ${provider}, which refuses unsigned headers and is asked for nothing`,
      provider,
      { head: { "x-amz-storage-class": "REDUCED_REDUNDANCY", "x-amz-tagging-count": "1" } },
      { size: 5, extraHeaders: {} },
    ],
  ),
  [
    "encrypted with a client's own key on MinIO",
    "minio",
    encrypted("InvalidRequest", "The object was stored using a form of Server Side Encryption."),
    BY_CLIENTS_KEY,
  ],
  [
    "encrypted with a client's own key on Ceph",
    "ceph",
    encrypted("InvalidArgument", "Requests specifying Server Side Encryption must …"),
    BY_CLIENTS_KEY,
  ],
  [
    "that is refused for another reason",
    "s3",
    encrypted("ExpiredToken", ""),
    { _tag: "StoreUnavailable" },
  ],
])("a look finds what rode along with an object %s", async (_, provider, answers, expected) => {
  expect(await look(provider, answers)).toMatchObject(expected);
});

it("an object whose ACL leaves out its owner is unreadable, and no fault of the key", async () => {
  const granted = grantTo(`<URI>${EVERYBODY}</URI>`).replace("READ", "WRITE");
  const unreadable = await look("ceph", { status: 403, get: { acl: acl(granted) } });
  expect(unreadable).toMatchObject({ _tag: "ObjectUnreadable", header: "x-amz-acl" });
  for (const get of [{ acl: acl(granted + OWN) }, { acl: [403, ""] as const }]) {
    const failure = await look("ceph", { status: 403, get });
    expect(failure).toMatchObject({ reason: expect.stringContaining("s3:GetObject") });
  }
});

it("readers are those of the version that was looked at, and not of a newer one", async () => {
  const asked: Array<string> = [];
  const head = { "x-amz-version-id": "v1" };
  const endpoint = await startStore({ head, get: { acl: acl(OWN) } }, asked);
  const looked = ObjectStore.use((store) => store.head(newKey())).pipe(
    Effect.provide(s3Store(endpoint, { provider: "ceph" })),
  );
  await Effect.runPromise(looked);
  expect(asked.at(-1)).toBe("GET v1");
});

it("no store of S3's API makes an object final by its SHA-256, since its PUT can add headers that are not of Amazon", async () => {
  for (const provider of Object.keys(PROVIDERS) as ReadonlyArray<ProviderName>) {
    const facts = await look(provider, { get: { acl: acl(OWN) } });
    expect(facts).toMatchObject({ isReplayable: true });
  }
});

it.each([
  [{}, true],
  [{ "x-amz-server-side-encryption": "AES256" }, true],
  [{ "x-amz-server-side-encryption": "aws:kms" }, false],
  [{ "x-amz-server-side-encryption": "aws:kms:dsse" }, false],
  [{ ETag: `"${MD5}-2"` }, false],
])("the ETag of an object with %j is its MD5: %s", async (head, isMd5) => {
  const facts = await look("aws", { head });
  const md5 = Buffer.from(MD5, "hex").toString("base64");
  expect(facts).toMatchObject({ checksums: isMd5 ? { md5 } : {} });
  if (!isMd5) expect(facts).not.toMatchObject({ checksums: { md5 } });
});

it.each([
  ["<Tag><Key>GuardDutyMalwareScanStatus</Key><Value>THREATS_FOUND</Value></Tag>", "THREATS_FOUND"],
  ["<Tag><Key>other</Key><Value>GuardDutyMalwareScanStatus</Value></Tag>", undefined],
  [
    "<Tag><Key>a</Key><Value>b</Value></Tag><Tag><Key>GuardDutyMalwareScanStatus</Key><Value>NO_THREATS_FOUND</Value></Tag>",
    "NO_THREATS_FOUND",
  ],
  ["", undefined],
])("the verdict of a scanner is its own tag of that version: %s", async (tags, verdict) => {
  const asked: Array<string> = [];
  const answer = [200, `<Tagging><TagSet>${tags}</TagSet></Tagging>`] as const;
  const endpoint = await startStore({ get: { tagging: answer } }, asked);
  const upload = { key: newKey(), etag: `"${MD5}"`, size: 5, version: "v1" };
  const told = ObjectStore.use(
    ({ scanTag }) => scanTag?.(upload) ?? Effect.die("it reads no tags"),
  );
  const layer = s3Store(endpoint, { provider: "aws" });
  expect(await Effect.runPromise(Effect.provide(told, layer))).toBe(verdict);
  expect(asked).toEqual(["GET v1"]);
});

it.each(["minio", "ceph", "swift", "r2", "s3"] as const)(
  "%s has no tags of a scanner, since an upload could set them",
  async (provider) => {
    const layer = s3Store("http://127.0.0.1:2", { provider });
    const has = ObjectStore.use(({ scanTag }) => Effect.succeed(scanTag !== undefined));
    expect(await Effect.runPromise(Effect.provide(has, layer))).toBe(false);
    expect(PROVIDERS[provider].abilities.has("scan tags")).toBe(false);
  },
);
