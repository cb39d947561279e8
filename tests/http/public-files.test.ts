import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import fc from "fast-check";
import { expect, it } from "vitest";
import { KeyTemplate, PUBLIC_TEMPLATE } from "../../domain/storage-key.ts";
import { AllowedType, type UploadPolicy } from "../../domain/upload-policy.ts";
import { tries } from "../support/tries.ts";
import { embedded, FILE, PRESIGN, signedAt, startService } from "./service.ts";

const FILES = "/api/v1/orgs/acme/files";
const NAME = "5007cd59-14b0-4a8f-9bfa-7debee4b183d.png";
const WINDOW = (24 * 60 * 60) / 8;
const templateOf = (text: string) =>
  Option.getOrThrow(Schema.decodeUnknownOption(KeyTemplate)(text));
const AVATARS: Partial<UploadPolicy> = {
  public: true,
  key: templateOf(PUBLIC_TEMPLATE),
  allowedTypes: ["image/*", "application/x-notes"].map((type) => AllowedType.make(type)),
};
const policies = { avatars: AVATARS };
const avatar = (over: object = {}) => ({ ...FILE, policy: "avatars", ...over });
const pathOf = (url: string) => new URL(url).pathname;

it("each answer about a public file has an address that does not end", async () => {
  const store = embedded();
  const service = await startService({ storage: store.layer, policies });
  const { send } = service;
  const { body: granted } = await send(PRESIGN, avatar());
  const publicUrl = `https://uploads.example.com/p/${granted.key.slice("orgs/".length).replace("public/", "")}`;
  expect(granted.public_url).toBe(publicUrl);
  const batch = await send(`${FILES}/batch`, { files: [avatar(), FILE], policy: "files" });
  const [one, other] = batch.body.uploads;
  expect(pathOf(one.public_url)).toMatch(/^\/p\/org_1\/\d{4}\/\d\d\/[0-9a-f-]{36}\.png$/);
  expect(other).not.toHaveProperty("public_url");
  await store.put(granted.put_url, granted.put_headers);
  const confirmed = await send(`${FILES}/confirm`, { receipt: granted.receipt });
  expect(confirmed.body.public_url).toBe(publicUrl);
  const { files } = (await send(FILES)).body;
  expect(files).toMatchObject([{ key: granted.key, public_url: publicUrl }]);
  const offered = (await send(`${FILES}/policies`)).body.policies;
  expect(
    offered.map(({ name, public: shown }: typeof AVATARS & { name: string }) => [name, shown]),
  ).toEqual([
    ["files", undefined],
    ["avatars", true],
  ]);

  const answer = await service.request(pathOf(publicUrl));
  expect(answer.status).toBe(302);
  const shown = await store.fetch(new Request(answer.headers.get("location") ?? ""));
  expect([shown.status, await shown.text()]).toEqual([200, "hello"]);
  expect(shown.headers.get("content-type")).toBe("image/png");
  await send(pathOf(confirmed.body.file_url), undefined, { method: "DELETE" });
  const again = await service.request(pathOf(publicUrl));
  expect((await store.fetch(new Request(again.headers.get("location") ?? ""))).status).toBe(404);
});

it("everybody may keep the redirect of a public file while its signed URL stays the same", async () => {
  const { request } = await startService({ policies });
  const answer = await request(`/p/org_1/2026/11/${NAME}`);
  expect(answer.status).toBe(302);
  const location = new URL(answer.headers.get("location") ?? "");
  expect(location.host).toBe("store.example.com");
  expect(location.pathname).toBe(`/files/orgs/org_1/public/2026/11/${NAME}`);
  const [, maxAge] =
    /^public, max-age=(\d+)$/.exec(answer.headers.get("cache-control") ?? "") ?? [];
  expect(Number(maxAge)).toBeLessThanOrEqual(WINDOW);
  expect(signedAt(location) % WINDOW).toBe(0);
  expect(answer.headers.get("vary")).toBeNull();
  expect(await answer.text()).toBe("");
});

it("a public address opens no other file, in no spelling", async () => {
  const { request } = await startService({ policies, page: [] });
  const status = async (path: string) => (await request(path)).status;
  const dots = fc.constantFrom("..", ".", "%2e%2e", "%2F", "\\", "", "files", "public", "PUBLIC");
  const part = fc.oneof(dots, fc.constantFrom("orgs", "org_1", "org_2", "2026", "11", NAME, "a"));
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 7 }), async (parts) => {
      // As a client sends it, with its dots resolved.
      const path = new URL(`/p/${parts.join("/")}`, "http://127.0.0.1").pathname;
      const answer = await request(path);
      const [organization, ...within] = path.replace(/^\/p\//, "").split("/");
      const key = `/files/orgs/${organization}/public/${within.join("/")}`;
      const { pathname } = new URL(answer.headers.get("location") ?? "none:");
      expect([answer.status, pathname]).toEqual(answer.status === 404 ? [404, ""] : [302, key]);
    }),
    { numRuns: tries(1000) },
  );
  expect(await status(`/p/org_1/${NAME}`)).toBe(302);
  expect(await status(`/p/org_1/2026/11/${NAME.toUpperCase()}`)).toBe(404);
  expect(await status(`/p/org_1/files/2026/11/${NAME}`)).toBe(302);
  expect(await status(`/P/org_1/2026/11/${NAME}`)).toBe(404);
  expect(await status(`/p/org_1//2026/11/${NAME}`)).toBe(404);
  expect(await status(`/p/org_1/2026/11/${NAME}/`)).toBe(404);
  expect(await status(`/p/org.1/2026/11/${NAME}`)).toBe(404);
  expect(await status(`/p/org_1/2026/11/${NAME}?key=orgs/org_1/files/2026/11/${NAME}`)).toBe(302);
  const method = { method: "DELETE" };
  expect((await request(`/p/org_1/2026/11/${NAME}`, method)).status).toBe(405);
});

it("a service without a public policy has no public addresses, also of files that were public", async () => {
  const store = embedded();
  const before = await startService({ storage: store.layer, policies });
  const { body: granted } = await before.send(PRESIGN, avatar());
  await store.put(granted.put_url, granted.put_headers);
  const { send } = await startService({ storage: store.layer });
  const confirmed = await send(`${FILES}/confirm`, { receipt: granted.receipt });
  expect(confirmed.status).toBe(200);
  expect(confirmed.body).not.toHaveProperty("public_url");
  expect((await send(FILES)).body.files[0]).not.toHaveProperty("public_url");
  expect((await send(pathOf(granted.public_url))).status).toBe(404);
});

it("a policy that becomes public, stops being public or is removed changes no file", async () => {
  const store = embedded();
  const upload = async ({ send }: Awaited<ReturnType<typeof startService>>, policy: string) => {
    const { body } = await send(PRESIGN, avatar({ policy }));
    await store.put(body.put_url, body.put_headers);
    return { ...body, confirm: { receipt: body.receipt } };
  };
  const logos = { ...AVATARS, key: templateOf("orgs/{organization}/public/logos/{id}{extension}") };
  const first = await startService({ storage: store.layer, policies: { avatars: {}, logos } });
  const secret = await upload(first, "avatars");
  const logo = await upload(first, "logos");
  const then = await startService({ storage: store.layer, policies });
  const confirmed = (await then.send(`${FILES}/confirm`, secret.confirm)).body;
  expect(confirmed.key).toContain("/files/");
  expect(confirmed).not.toHaveProperty("public_url");
  expect((await then.send(`${FILES}/confirm`, logo.confirm)).body.public_url).toBe(logo.public_url);
  const listed: ReadonlyArray<{ key: string; public_url?: string }> = (await then.send(FILES)).body
    .files;
  expect(listed.map(({ key, public_url }) => [key, public_url])).toEqual([
    [secret.key, undefined],
    [logo.key, logo.public_url],
  ]);
  const { status } = await then.request(pathOf(logo.public_url));
  expect(status).toBe(302);
});

it.each([
  ["image/svg+xml", "a.svg"],
  ["image/svg+xml; charset=utf-8", "a.png"],
  ["IMAGE/SVG+XML", "a.png"],
  ["application/x-notes", "a.html"],
  ["application/x-notes", "a.xhtml"],
])(
  "a public policy refuses %s named %s, which browsers may execute",
  async (content_type, filename) => {
    const { send } = await startService({ policies });
    const { status, body } = await send(PRESIGN, avatar({ content_type, filename }));
    expect([status, body.code]).toEqual([415, "UNSUPPORTED_MEDIA_TYPE"]);
    expect(body.detail).toContain("nothing that browsers execute");
    const batch = await send(`${FILES}/batch`, { files: [avatar({ content_type, filename })] });
    expect([batch.status, batch.body.code]).toEqual([415, "UNSUPPORTED_MEDIA_TYPE"]);
    const parts = await send(`${FILES}/multipart`, avatar({ content_type, filename }));
    expect([parts.status, parts.body.code]).toEqual([415, "UNSUPPORTED_MEDIA_TYPE"]);
  },
);

it("a public policy offers no extension of a type that it refuses", async () => {
  const { send } = await startService({ policies });
  const { policies: offered } = (await send(`${FILES}/policies`)).body;
  expect(offered[1].extensions).toHaveProperty([".png"]);
  expect(offered[1].extensions).not.toHaveProperty([".svg"]);
});

it("a public file that waits for its confirm is read by nobody", async () => {
  const store = embedded();
  const incoming = { ...AVATARS, arrival: "incoming" as const, verifyContent: false };
  const { send, request } = await startService({
    storage: store.layer,
    policies: { avatars: incoming },
  });
  const { body: granted } = await send(PRESIGN, avatar());
  await store.put(granted.put_url, granted.put_headers);
  const read = async () => {
    const { headers } = await request(pathOf(granted.public_url));
    return (await store.fetch(new Request(headers.get("location") ?? ""))).status;
  };
  expect(await read()).toBe(404);
  expect((await send(`${FILES}/confirm`, { receipt: granted.receipt })).status).toBe(200);
  expect(await read()).toBe(200);
});

const documentOf = async (over: object) =>
  (await (await startService(over)).send("/openapi.json")).body.paths;

it("the document has the public route, if there is one", async () => {
  const path = "/p/{organization}/{year}/{month}/{name}";
  expect(await documentOf({})).not.toHaveProperty([path]);
  const { get } = (await documentOf({ policies }))[path];
  expect(get.security).toEqual([]);
  expect(get.parameters[0]).toMatchObject({ name: "organization", example: "org_1" });
});
