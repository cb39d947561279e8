import { createHash, randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { isValetkeyError, type Valetkey } from "../../adapters/embed/index.ts";
import { local } from "../../adapters/embed/local.ts";
import { rejectionFrom } from "../../adapters/embed/operations.ts";
import { Scope } from "../../domain/principal.ts";
import { UploadMismatch } from "../../domain/errors.ts";
import { FILE, MIA, put, startHost } from "./host.ts";
import { makeFolder } from "../support/make-folder.ts";
import { receiptKey } from "../support/receipt-key.ts";

let host: Awaited<ReturnType<typeof startHost>>;
beforeAll(async () => {
  host = await startHost({
    policies: {
      avatars: { requireChecksum: true },
      machines: { callers: ["service"] },
      shared: { linkLifetime: "7 days" },
    },
    limits: { objectsPerDay: 1000 },
  });
});
afterAll(() => host.close());

const MD5 = "gnzLDuqKcGxMNKFokfhOew==";

const rejection = (call: Promise<unknown>) =>
  call.then(
    () => expect.unreachable("it was granted"),
    (error: unknown) => {
      if (isValetkeyError(error)) return error;
      throw error;
    },
  );

/** A host whose `onConfirmed` returns something, with an upload that has arrived. */
async function startReturning(onConfirmed: () => unknown) {
  const { valetkey, log } = await startHost({
    onConfirmed,
    receiptKeys: [`a:${receiptKey("a").toString("base64")}`],
  });
  const { receipt, ...upload } = await valetkey.requestUpload(FILE);
  await put(upload);
  const confirm = () => valetkey.confirmUpload({ caller: MIA, organization: "acme", receipt });
  return { confirm, errors: () => log.filter(({ level }) => level === "error") };
}

function fail(message: string): never {
  throw new Error(message);
}

function nested(levels: number): unknown {
  let value: unknown = 0;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

it("an upload is granted, confirmed and opened by calls that take and return plain data", async () => {
  const { valetkey } = host;
  await valetkey.ready();
  const upload = await valetkey.requestUpload(FILE);
  expect(upload.key).toMatch(/^orgs\/org_1\/files\/\d{4}\/\d{2}\/[0-9a-f-]{36}\.png$/);
  expect(upload.putHeaders).toEqual({ "Content-Type": "image/png" });
  expect(upload.putExpiresAt).toBeInstanceOf(Date);
  const between = upload.getExpiresAt.getTime() - upload.putExpiresAt.getTime();
  // Each is dated in whole seconds, and one may end between the two.
  expect([0, 1000]).toContain(between - (24 * 60 - 15) * 60 * 1000);
  expect((await put(upload, "123456")).status).toBe(403);
  expect((await put(upload)).status).toBe(200);
  expect(await (await fetch(upload.getUrl)).text()).toBe("12345");

  const { receipt, key } = upload;
  const confirmed = await valetkey.confirmUpload({ caller: MIA, organization: "acme", receipt });
  const { getUrl, getExpiresAt, fileUrl, ...facts } = confirmed;
  expect(fileUrl).toBe(`${host.address}/api/v1/${key.replace("org_1", "acme")}`);
  const led = await fetch(fileUrl, { headers: { Cookie: "session=mia" } });
  expect(await led.text()).toBe("12345");
  expect(facts).toMatchObject({ key, size: 5, contentType: "image/png", final: false });
  expect(facts.mutableUntil).toEqual(new Date(upload.putExpiresAt.getTime() + 3_600_000));
  expect(getExpiresAt.getTime()).toBeGreaterThan(Date.now());
  expect(await (await fetch(getUrl)).text()).toBe("12345");
  const told = host.told.filter((each) => each.key === key);
  expect(told).toEqual([{ ...facts, organization: "org_1", subject: "mia" }]);

  const opened = await valetkey.openFile({ caller: MIA, organization: "acme", key });
  expect(await (await fetch(opened.url)).text()).toBe("12345");
  const saved = await valetkey.openFile({
    caller: MIA,
    organization: "acme",
    key,
    download: true,
  });
  expect((await fetch(saved.url)).headers.get("content-disposition")).toMatch(/^attachment/);
});

it("several uploads are confirmed in plain data, each with its file or its problem", async () => {
  const { valetkey } = host;
  const asked = { caller: MIA, organization: "acme" };
  const [sent, unsent] = [await valetkey.requestUpload(FILE), await valetkey.requestUpload(FILE)];
  await put(sent);
  const receipts = [sent.receipt, unsent.receipt, "x"];
  const outcomes = await valetkey.confirmUploads({ ...asked, receipts });
  expect(outcomes).toMatchObject([
    { file: { key: sent.key, contentType: "image/png", getExpiresAt: expect.any(Date) } },
    { problem: { status: 409, code: "UPLOAD_INCOMPLETE", detail: expect.any(String) } },
    { problem: { status: 400, code: "INVALID_RECEIPT" } },
  ]);
  const none = await rejection(valetkey.confirmUploads({ ...asked, receipts: [] }));
  expect(none).toMatchObject({ code: "INVALID_REQUEST", errors: [{ pointer: "/receipts" }] });
});

it("a link opens a file for as long as was requested, and never longer than the policy allows", async () => {
  const { valetkey, address } = host;
  const asked = { caller: MIA, organization: "acme" };
  const upload = await valetkey.requestUpload({ ...FILE, policy: "shared" });
  await put(upload);
  const { receipt } = upload;
  const link = await valetkey.makeLink({ ...asked, receipt, expiresIn: 60 });
  expect(link.linkUrl.startsWith(`${address}/f/`)).toBe(true);
  expect(await (await fetch(link.linkUrl)).text()).toBe("12345");
  const longest = await valetkey.makeLink({ ...asked, receipt });
  const days = (longest.expiresAt.getTime() - link.expiresAt.getTime() + 60_000) / 86_400_000;
  expect(days).toBeCloseTo(7, 2);

  const tooLong = await rejection(valetkey.makeLink({ ...asked, receipt, expiresIn: 8 * 86_400 }));
  expect(tooLong).toMatchObject({
    code: "INVALID_REQUEST",
    errors: [{ pointer: "/expiresIn" }],
  });
  const others = await valetkey.requestUpload(FILE);
  const refused = await rejection(valetkey.makeLink({ ...asked, receipt: others.receipt }));
  expect(refused).toMatchObject({ code: "FORBIDDEN" });
  expect(refused.message).toContain(
    "Open the file by its fileUrl, or upload it under a policy that has linkLifetime",
  );
});

it("requestUploads grants several uploads together, in their order", async () => {
  const { valetkey } = host;
  const { filename, contentType, size, ...asked } = FILE;
  const file = { filename, contentType, size };
  const files = [file, { ...file, filename: "b.txt", contentType: "text/plain" }, file];
  const uploads = await valetkey.requestUploads({ ...asked, files, policy: "shared" });
  expect(uploads.map(({ key }) => key.split(".")[1])).toEqual(["png", "txt", "png"]);
  expect(new Set(uploads.map(({ key }) => key)).size).toBe(3);
  for (const upload of uploads) {
    expect((await put(upload)).status).toBe(200);
    const { receipt, key } = upload;
    expect(
      await valetkey.confirmUpload({ caller: MIA, organization: "acme", receipt }),
    ).toMatchObject({ key, size: 5 });
  }
});

it("requestUploads grants nothing if one upload is refused, and the error names its file", async () => {
  const { filename, contentType, size, ...asked } = FILE;
  const file = { filename, contentType, size };
  const refused = (files: unknown, more = {}) =>
    rejection(host.valetkey.requestUploads({ ...asked, files, ...more } as never));
  expect(await refused([file, { ...file, size: 2 ** 40 }])).toMatchObject({
    code: "FILE_TOO_LARGE",
    status: 413,
    actual: 2 ** 40,
    errors: [{ pointer: "/files/1/size" }],
  });
  const type = await refused([{ ...file, contentType: "text/html" }]);
  expect(type).toMatchObject({ errors: [{ pointer: "/files/0/contentType" }] });
  expect(type.message).toContain("/files/0/contentType: ");
  for (const [files, pointer] of [
    [[file, { ...file, extra: 1, checksum: 1 }], "/files/1/checksum"],
    [[], "/files"],
    [undefined, "/files"],
  ]) {
    expect(await refused(files)).toMatchObject({
      code: "INVALID_REQUEST",
      errors: [{ pointer }],
    });
  }
});

it("a large file is sent in parts, continued, completed and linked to by calls alone", async () => {
  const { valetkey } = host;
  const asked = { caller: MIA, organization: "acme" };
  const bytes = randomBytes(5 * 2 ** 20 + 5);
  const file = { ...FILE, size: bytes.length, policy: "shared" };
  const { upload, key, ...facts } = await valetkey.startMultipart(file);
  expect(facts).toEqual({ partSize: 5 * 2 ** 20, partCount: 2, expiresAt: expect.any(Date) });

  const send = async (partNumber: number, body: Buffer<ArrayBuffer>) => {
    const sha256 = createHash("sha256").update(body).digest("base64");
    const checksums = [{ algorithm: "sha256", value: sha256 }] as const;
    const partNumbers = [partNumber];
    const [part] = await valetkey.signParts({ ...asked, upload, partNumbers, checksums });
    if (part === undefined) return expect.unreachable("no part was signed");
    expect(part).toMatchObject({ partNumber, expiresAt: expect.any(Date) });
    const headers = { ...part.headers };
    const damaged = Buffer.from(body).fill(1, 0, 2);
    expect((await fetch(part.url, { method: "PUT", headers, body: damaged })).status).toBe(400);
    const sent = await fetch(part.url, { method: "PUT", headers, body });
    return { partNumber, etag: sent.headers.get("etag") ?? "" };
  };
  const second = await send(2, bytes.subarray(5 * 2 ** 20));
  expect(await valetkey.listParts({ ...asked, upload })).toEqual([{ ...second, size: 5 }]);
  const early = valetkey.completeMultipart({ ...asked, upload, parts: [second] });
  expect(await rejection(early)).toMatchObject({ code: "UPLOAD_INCOMPLETE", missing: [1] });
  const parts = [second, await send(1, bytes.subarray(0, 5 * 2 ** 20))];
  const { receipt, ...completed } = await valetkey.completeMultipart({ ...asked, upload, parts });
  expect(completed).toMatchObject({ key, size: bytes.length, final: true });
  expect(completed).not.toHaveProperty("mutableUntil");
  const stored = await (await fetch(completed.getUrl)).bytes();
  expect(bytes.equals(stored)).toBe(true);
  expect(host.told.at(-1)).toMatchObject({ key, organization: "org_1", subject: "mia" });
  expect(await valetkey.confirmUpload({ ...asked, receipt })).toMatchObject({ key, final: true });
  const { linkUrl } = await valetkey.makeLink({ ...asked, receipt });
  expect((await fetch(linkUrl)).status).toBe(200);

  const other = await valetkey.startMultipart({ ...FILE, size: bytes.length });
  await valetkey.abortMultipart({ ...asked, upload: other.upload });
  await valetkey.abortMultipart({ ...asked, upload: other.upload });
  const gone = valetkey.listParts({ ...asked, upload: other.upload });
  expect(await rejection(gone)).toMatchObject({ code: "INVALID_UPLOAD", status: 400 });
});

it("a call for an upload in parts that is refused names what is wrong as it was given", async () => {
  const { valetkey } = host;
  const asked = { caller: MIA, organization: "acme" };
  const { upload } = await valetkey.startMultipart(FILE);
  const etag = "a";
  const named = (parts: unknown) =>
    valetkey.completeMultipart({ ...asked, upload, parts } as never);
  for (const [call, refusal] of [
    [
      valetkey.startMultipart({ ...FILE, checksum: { algorithm: "md5", value: MD5 } }),
      { code: "INVALID_CHECKSUM", supported: ["crc32c"] },
    ],
    [
      valetkey.signParts({ ...asked, upload, partNumbers: [0] }),
      { errors: [{ pointer: "/partNumbers/0" }] },
    ],
    [
      valetkey.signParts({ ...asked, upload, partNumbers: [1], checksums: [] }),
      { errors: [{ reason: expect.stringContaining("each part number") }] },
    ],
    [named([{ partNumber: 0, etag }]), { errors: [{ pointer: "/parts/0/partNumber" }] }],
    [named([{ partNumber: 1, etag: "a\nb" }]), { errors: [{ pointer: "/parts/0/etag" }] }],
    [named([null]), { errors: [{ pointer: "/parts/0" }] }],
    [named(undefined), { errors: [{ pointer: "/parts" }] }],
    [valetkey.listParts({ ...asked, upload: 5 as never }), { code: "INVALID_UPLOAD" }],
    [valetkey.abortMultipart({ ...asked, upload: "a" }), { code: "INVALID_UPLOAD" }],
  ] as const) {
    expect(await rejection(call)).toMatchObject(refusal);
  }
});

type Calls = Omit<Valetkey, "ready" | "fetch" | "handles" | "paths" | "close">;

/** The one scope that each call needs. */
const NEEDED: Readonly<Record<keyof Calls, string>> = {
  requestUpload: "write",
  requestUploads: "write",
  startMultipart: "write",
  credentials: "write",
  completeCredentials: "confirm",
  signParts: "write",
  listParts: "write",
  completeMultipart: "write",
  abortMultipart: "write",
  policies: "write",
  confirmUpload: "confirm",
  confirmUploads: "confirm",
  openFile: "read",
  fileState: "read",
  makeLink: "read",
  listFiles: "list",
  signCookies: "list",
  removeFile: "remove",
  usage: "read",
};

it.each(Object.entries(NEEDED))(
  "the call %s needs the scope %s, and no other for all files",
  async (name, needed) => {
    const call = host.valetkey[name as keyof Calls] as (asked: object) => Promise<unknown>;
    const outcome = (scopes: ReadonlyArray<string>) =>
      call({ ...FILE, caller: { id: "mia", scopes }, key: "" }).then(
        () => undefined,
        (error: { readonly scope?: string }) => error.scope,
      );
    expect(await outcome([needed])).toBeUndefined();
    const others = Scope.literals.filter((scope) => scope !== needed && scope !== "mine");
    expect(await outcome(others)).toBe(needed);
  },
);

it("with the scope mine, a call lists and removes files of the caller's own folder alone", async () => {
  const asked = { caller: { id: "mia", scopes: ["mine"] as const }, organization: "acme" };
  const { valetkey } = host;
  expect(await rejection(valetkey.listFiles(asked))).toMatchObject({ scope: "list", own: "mine" });
  // None of the host's policies has such a folder.
  const all = valetkey.listFiles({ ...asked, mine: true, limit: 10, details: true });
  expect(await rejection(all)).toMatchObject({ status: 400, code: "INVALID_REQUEST" });
  const { key } = await valetkey.requestUpload(FILE);
  const removing = valetkey.removeFile({ ...asked, key });
  expect(await rejection(removing)).toMatchObject({ scope: "remove", own: "mine" });
});

it("the policies of a caller are listed in plain data, and uploads are held to them", async () => {
  const { valetkey } = host;
  const asked = { caller: MIA, organization: "acme" };
  const listed = await valetkey.policies(asked);
  expect(listed.map(({ name }) => name)).toEqual(["files", "avatars", "shared"]);
  // Each member is in tests/http/list-policies.test.ts; here are names that a program reads.
  expect(listed[2]).toMatchObject({
    extensions: { ".png": "image/png" },
    linkLifetime: 604_800,
    multipart: { maxSize: 10 * 2 ** 20, wholeChecksums: ["crc32c"] },
  });
  expect(listed[0]).not.toHaveProperty("linkLifetime");
});

it.each([
  ["a size above the limit", { size: 2 ** 40 }, { code: "FILE_TOO_LARGE", actual: 2 ** 40 }],
  [
    "a type that is not allowed",
    { contentType: "text/html" },
    { code: "UNSUPPORTED_MEDIA_TYPE", status: 415 },
  ],
  [
    "an invalid content type, which the error names contentType",
    { contentType: "png" },
    { code: "INVALID_CONTENT_TYPE", errors: [{ pointer: "/contentType" }] },
  ],
  [
    "several invalid options",
    { filename: "", contentType: "png" },
    { code: "INVALID_REQUEST", errors: [{ pointer: "/filename" }, { pointer: "/contentType" }] },
  ],
  ["an organization of others", { organization: "globex" }, { code: "NOT_FOUND", status: 404 }],
  ["a policy for services only", { policy: "machines" }, { code: "FORBIDDEN", status: 403 }],
  [
    "a policy that does not exist",
    { policy: "avatar" },
    { code: "UNKNOWN_POLICY", known: ["files", "avatars", "shared"] },
  ],
])("a call with %s is refused with its code and facts", async (_, over, expected) => {
  // A host that is written in JavaScript could pass this.
  const asked = { ...FILE, ...over } as never;
  const error = await rejection(host.valetkey.requestUpload(asked));
  expect(error).toMatchObject({ name: "ValetkeyError", ...expected });
  expect(error.message).not.toContain("content_type");
});

it("openFile with the key of another organization, or with no key, is refused with NOT_FOUND", async () => {
  const { key } = await host.valetkey.requestUpload(FILE);
  for (const other of [key.replace("org_1", "org_2"), key.slice(1), `x${key}`, ""]) {
    const opening = host.valetkey.openFile({ caller: MIA, organization: "acme", key: other });
    expect(await rejection(opening), other).toMatchObject({ code: "NOT_FOUND" });
  }
});

it("an upload beyond a daily quota is refused with the limit and the time to wait", async () => {
  for (const [limits, limit] of [
    [{ bytesPerSubjectPerDay: "6 B" }, { caller: 6 }],
    [{ objectsPerDay: 1 }, { objects: 1 }],
  ] as const) {
    const small = await startHost({ limits });
    await small.valetkey.requestUpload(FILE);
    const error = await rejection(small.valetkey.requestUpload(FILE));
    expect(error).toMatchObject({ code: "QUOTA_EXCEEDED", limits: limit });
    expect("retryAfter" in error && error.retryAfter).toBeGreaterThan(0);
  }
  const { valetkey } = await startHost({});
  const upload = (bytesPerDay: unknown) =>
    valetkey.requestUpload({ ...FILE, caller: { ...MIA, bytesPerDay } as never });
  await upload("6 B");
  expect(await rejection(upload("6 B"))).toMatchObject({ limits: { caller: 6 } });
  await upload("1 MB");
  await expect(upload("much")).rejects.toThrow("caller.bytesPerDay must be");
});

it("an upload of a policy that was removed is confirmed under the default policy, where its key was", async () => {
  const directory = makeFolder();
  const options = {
    storage: local({ directory }),
    receiptKeys: [`k1:${randomBytes(32).toString("base64")}`],
  };
  const drafts = { key: "orgs/{organization}/drafts/{id}{extension}" };
  const before = await startHost({ ...options, policies: { drafts } });
  const upload = await before.valetkey.requestUpload({ ...FILE, policy: "drafts" });
  await put(upload);
  await before.close();
  const after = await startHost({ ...options, policy: { getLifetime: "1 hour" } });
  const asked = { caller: MIA, organization: "acme" };
  const { getUrl, fileUrl, key } = await after.valetkey.confirmUpload({
    ...asked,
    receipt: upload.receipt,
  });
  expect(new URL(getUrl).searchParams.get("X-Amz-Expires")).toBe("3600");
  expect(key).toMatch(/^orgs\/org_1\/drafts\/[0-9a-f-]{36}\.png$/);
  expect(fileUrl).toBe(
    `${after.address}/api/v1/orgs/acme/files/${key.slice("orgs/org_1/".length)}`,
  );
  const led = await fetch(fileUrl, { headers: { Cookie: "session=mia" } });
  expect(await led.text()).toBe("12345");
  const { url } = await after.valetkey.openFile({ ...asked, key });
  expect(await (await fetch(url)).text()).toBe("12345");
  const caller = { id: "mia", scopes: ["list", "remove"] } as const;
  expect(await after.valetkey.listFiles({ ...asked, caller, prefix: "drafts" })).toMatchObject({
    files: [{ key, fileUrl }],
  });
  await after.valetkey.removeFile({ ...asked, caller, key });
  expect((await fetch(url)).status).toBe(404);
  await after.close();
});

it("a difference that confirm finds is named as the option of the call", () => {
  const differences = [
    { property: "contentType", expected: "image/png", actual: "text/html" },
    { property: "cache-control", expected: "", actual: "no-store" },
  ];
  const error = rejectionFrom(new UploadMismatch({ differences }));
  expect(error).toMatchObject({
    code: "UPLOAD_MISMATCH",
    differences: [{ ...differences[0], property: "contentType" }, differences[1]],
  });
  expect(JSON.stringify(error) + error.message).not.toContain("content_type");
});

it.each(["team_42", "Acme", "acme.eu", "7", "a--b"])(
  "an organization may be named %s, in calls and in addresses",
  async (organization) => {
    const named = await startHost({
      organizations: (slug) => (slug === organization ? "org_7" : undefined),
    });
    const upload = await named.valetkey.requestUpload({ ...FILE, organization });
    expect(upload.key).toMatch(/^orgs\/org_7\//);
    await put(upload);
    const { receipt } = upload;
    const { fileUrl } = await named.valetkey.confirmUpload({ caller: MIA, organization, receipt });
    const opened = await fetch(fileUrl, { headers: { Cookie: "session=mia" } });
    expect(await opened.text()).toBe("12345");
  },
);

it("no organization can be named otherwise, and the host is not asked for it", async () => {
  const organizations = vi.fn(() => "org_7");
  const { valetkey } = await startHost({ organizations });
  const names = ". .. a. .a a- _a a/b a%62 ä __proto__".split(" ");
  for (const organization of [...names, "a b", "a".repeat(64)]) {
    const refused = await rejection(valetkey.requestUpload({ ...FILE, organization }));
    expect(refused, organization).toMatchObject({ code: "NOT_FOUND" });
  }
  expect(organizations).not.toHaveBeenCalled();
});

it.each([
  ["another error", new Error("no")],
  ["an error of Node", Object.assign(new Error("no"), { code: "ENOENT" })],
  ["an error without a code", Object.assign(new Error("no"), { name: "ValetkeyError" })],
  ["a thing that is no error", { name: "ValetkeyError", code: "NOT_FOUND" }],
  ["a text", "ValetkeyError"],
  ["nothing", undefined],
])("isValetkeyError says no to %s", (_, thrown) => {
  expect(isValetkeyError(thrown)).toBe(false);
});

it("a call without options rejects, and does not throw where it is made", async () => {
  const made = host.valetkey.confirmUpload(undefined as never);
  await expect(made).rejects.toThrow(TypeError);
});

it("a caller of the wrong shape makes the call throw, and says what is wrong", async () => {
  for (const caller of [
    undefined,
    null,
    "mia",
    { id: "" },
    { id: "mia", kind: "robot" },
    { id: "mia", scopes: ["*"] },
    { id: "mia", scopes: ["write", "*", "read"] },
    { id: "mia", scopes: "write" },
  ]) {
    const asked = { ...FILE, caller } as never;
    await expect(host.valetkey.requestUpload(asked)).rejects.toThrow(/^caller(\.\w+)? must be/);
  }
});

it("openFile with a key that is not a string throws, as for a database row without a file", async () => {
  for (const key of [undefined, null, 7]) {
    const asked = { caller: MIA, organization: "acme", key } as never;
    await expect(host.valetkey.openFile(asked)).rejects.toThrow("key must be a string");
  }
});

it("a folder that cannot be written to makes calls throw with the folder and the reason", async () => {
  const broken = await startHost({ storage: local({ directory: "/dev/null/files" }) });
  const reason = /^The store cannot be used \(.*\/dev\/null\/files\): .*ENOTDIR/;
  await expect(broken.valetkey.ready()).rejects.toThrow(reason);
  await expect(broken.valetkey.requestUpload(FILE)).rejects.toThrow(reason);
});

it("an organization's id that cannot be part of a key makes the call throw", async () => {
  const broken = await startHost({ organizations: () => "../etc" });
  await expect(broken.valetkey.requestUpload(FILE)).rejects.toThrow(/^organizations\(\) must/);
});

it("an upload whose onConfirmed fails can be confirmed again", async () => {
  let down = true;
  const flaky = await startHost({
    onConfirmed: () => {
      if (down) throw new Error("the database is away");
    },
  });
  const upload = await flaky.valetkey.requestUpload(FILE);
  await put(upload);
  const confirm = () =>
    flaky.valetkey.confirmUpload({ caller: MIA, organization: "acme", receipt: upload.receipt });
  await expect(confirm()).rejects.toThrow("the database is away");
  down = false;
  expect((await confirm()).key).toBe(upload.key);
});

it.each([
  ["a record's id", { id: 7 }, { id: 7 }],
  ["null", null, null],
  ["a date, as JSON writes it", { at: new Date(0) }, { at: "1970-01-01T00:00:00.000Z" }],
  ["what toJSON gives", { secret: "s", toJSON: () => ({ id: 7 }) }, { id: 7 }],
  ["a promise", Promise.resolve([1, 2]), [1, 2]],
  ["4,096 bytes of JSON", "x".repeat(4094), "x".repeat(4094)],
])("confirming gives the client %s that onConfirmed has returned", async (_, returned, given) => {
  const { confirm, errors } = await startReturning(() => returned);
  expect((await confirm()).serverData).toEqual(given);
  expect((await confirm()).serverData, "again").toEqual(given);
  expect(errors()).toEqual([]);
});

it.each<readonly [string, () => unknown, RegExp]>([
  ["a BigInt", () => ({ id: 7n }), /BigInt/],
  ["a function", () => () => undefined, /not valid JSON/],
  ["4,097 bytes of JSON", () => "x".repeat(4095), /more than 4096 bytes/],
  ["2,050 letters of two bytes", () => "é".repeat(2050), /more than 4096 bytes/],
  ["100,000 levels", () => nested(100_000), /call stack|more than 4096 bytes/],
  [
    "a getter that throws",
    () => Object.defineProperty({}, "a", { enumerable: true, get: () => fail("no getter today") }),
    /no getter today/,
  ],
])(
  "an upload whose onConfirmed returns %s is confirmed, and the log says what is missing",
  async (_, onConfirmed, reason) => {
    const { confirm, errors } = await startReturning(onConfirmed);
    const confirmed = await confirm();
    expect(confirmed).toMatchObject({ size: 5, final: false });
    expect(confirmed).not.toHaveProperty("serverData");
    expect(errors()).toMatchObject([{ message: expect.stringMatching(/onConfirmed/) }]);
    expect(inspect(errors()[0]?.facts)).toMatch(reason);
  },
);

it("the result of onConfirmed and the metadata are given by fetch too, for one upload and for parts", async () => {
  const told: Array<unknown> = [];
  const { valetkey, address } = await startHost({
    onConfirmed: ({ key, metadata }) => {
      told.push(metadata);
      return { row: told.length, key };
    },
  });
  const metadata = { album: "Ostern" };
  const ask = async (path: string, body: object) => {
    const answer = await fetch(`${address}/api/v1/orgs/acme/files/${path}`, {
      method: "POST",
      headers: { cookie: "session=mia", "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return answer.json();
  };
  const upload = await valetkey.requestUpload({ ...FILE, metadata });
  await put(upload);
  const confirmed = await ask("confirm", { receipt: upload.receipt });
  expect(confirmed).toMatchObject({ metadata, server_data: { row: 1, key: upload.key } });
  const asked = { caller: MIA, organization: "acme" };
  const begun = await valetkey.startMultipart({ ...FILE, metadata });
  const [part] = await valetkey.signParts({ ...asked, upload: begun.upload, partNumbers: [1] });
  const sent = await fetch(part?.url ?? "", {
    method: "PUT",
    headers: { ...part?.headers },
    body: "12345",
  });
  const parts = [{ part_number: 1, etag: sent.headers.get("etag") }];
  const completed = await ask("multipart/complete", { upload: begun.upload, parts });
  expect(completed).toMatchObject({ metadata, server_data: { row: 2, key: begun.key } });
  expect(told).toEqual([metadata, metadata]);
});

it("a call with metadata that is refused names the pair", async () => {
  const { valetkey } = await startHost();
  const error = await rejection(valetkey.requestUpload({ ...FILE, metadata: { a: "b\nc" } }));
  expect(error).toMatchObject({ code: "INVALID_REQUEST", errors: [{ pointer: "/metadata/a" }] });
  await valetkey.requestUpload({ ...FILE, metadata: undefined });
});

it("a call whose organizations() rejects is refused with IDENTITY_UNAVAILABLE, with the reason only in its cause", async () => {
  const down = await startHost({
    organizations: () => Promise.reject(new Error("no connection to the directory")),
  });
  const error = await rejection(down.valetkey.requestUpload(FILE));
  expect(error).toMatchObject({ code: "IDENTITY_UNAVAILABLE", retryAfter: 5 });
  expect(String(error.cause)).toContain("no connection to the directory");
  expect(error.message).not.toContain("directory");
});

it("a call that close() interrupts says that this Valetkey was closed", async () => {
  const asked = Promise.withResolvers<void>();
  const ended = await startHost({
    organizations: () => {
      asked.resolve();
      return new Promise(() => undefined);
    },
  });
  const call = expect(ended.valetkey.requestUpload(FILE)).rejects.toThrow(
    "This Valetkey was closed",
  );
  await asked.promise;
  await ended.close();
  await call;
});

it("a call after close() says that this Valetkey was closed", async () => {
  const ended = await startHost();
  await ended.valetkey.requestUpload(FILE);
  await ended.close();
  await expect(ended.valetkey.requestUpload(FILE)).rejects.toThrow("This Valetkey was closed");
  await expect(ended.valetkey.ready()).rejects.toThrow("This Valetkey was closed");
});

it("organizations() may be asynchronous, and gets the name and the caller", async () => {
  const asked: Array<unknown> = [];
  const other = await startHost({
    organizations: async (slug, caller) => {
      asked.push([slug, caller]);
      return null;
    },
  });
  const caller = { id: "ci", kind: "service", scopes: ["write"] } as const;
  expect(await rejection(other.valetkey.requestUpload({ ...FILE, caller }))).toMatchObject({
    code: "NOT_FOUND",
  });
  expect(asked).toEqual([["acme", caller]]);
});

it("ready() reports a store that does not answer, and uploads are still signed", async () => {
  const { minio } = await import("../../adapters/embed/minio.ts");
  const away = await startHost({
    storage: minio({
      endpoint: "http://127.0.0.1:9",
      accessKey: "access-key",
      secretKey: "secret-key",
    }),
  });
  await expect(away.valetkey.ready()).rejects.toThrow(
    /^The store is not ready \(MinIO at http:\/\/127\.0\.0\.1:9\/, bucket files\): /,
  );
  const { putUrl } = await away.valetkey.requestUpload(FILE);
  expect(new URL(putUrl).host).toBe("127.0.0.1:9");
});

it("without receiptKeys, a Valetkey warns that receipts end with the process", async () => {
  const warned = await startHost();
  await warned.valetkey.requestUpload(FILE);
  expect(warned.log.map(({ level, message }) => `${level}: ${message}`)).toContain(
    "warn: receipts are valid only in this process and end with it; set receiptKeys",
  );
  const keys = [`test:${receiptKey("test").toString("base64")}`];
  const first = await startHost({ receiptKeys: keys });
  const second = await startHost({ receiptKeys: keys });
  const { receipt } = await first.valetkey.requestUpload(FILE);
  const confirming = { caller: MIA, organization: "acme", receipt };
  expect(await rejection(second.valetkey.confirmUpload(confirming))).toMatchObject({
    code: "UPLOAD_INCOMPLETE",
  });
  expect(await rejection(warned.valetkey.confirmUpload(confirming))).toMatchObject({
    code: "INVALID_RECEIPT",
  });
  expect(first.log.filter(({ level }) => level === "warn")).toEqual([]);
});
