import * as Duration from "effect/Duration";
import * as Option from "effect/Option";
import * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";
import ipaddr from "ipaddr.js";
import { expect, it } from "vitest";
import { throughCdn } from "../../adapters/delivery/cdn/through-cdn.ts";
import { LinkLifetime } from "../../domain/link.ts";
import { KeyTemplate, PUBLIC_TEMPLATE } from "../../domain/storage-key.ts";
import { AllowedType } from "../../domain/upload-policy.ts";
import { opensAt } from "../support/signed-by-cdn.ts";
import { as, FILE, PRESIGN, SERVICE_TOKEN, startService, storeOf } from "./service.ts";

const FILES = "/api/v1/orgs/acme/files";
const NAME = "5007cd59-14b0-4a8f-9bfa-7debee4b183d.png";
const ROOT = "https://cdn.example.com";
const SECRET = "nZtRohdNF9m3cKM24IcK4w==";
const SIGNED = {
  root: ROOT,
  publicRoot: undefined,
  signer: { name: "google", keyId: "my-key", key: Redacted.make(SECRET) },
} as const;
const UNSIGNED = { root: ROOT, publicRoot: ROOT, signer: undefined };
const keyOf = (text: string) => Option.getOrThrow(Schema.decodeUnknownOption(KeyTemplate)(text));
const policies = {
  avatars: { public: true, key: keyOf(PUBLIC_TEMPLATE) },
  own: { key: keyOf("orgs/{organization}/{subject}/{id}{extension}") },
};
const policy = {
  linkLifetime: LinkLifetime.make(Duration.hours(1)),
  allowedTypes: [AllowedType.make("image/*")],
};

type Options = NonNullable<Parameters<typeof startService>[0]>;
const start = async (cdn: typeof SIGNED | typeof UNSIGNED, over: Options = {}) => {
  const storage = throughCdn(cdn, storeOf("minio"));
  const service = await startService({ storage, cdn: cdn.publicRoot, policy, policies, ...over });
  const lead = async (
    path: string,
    headers: Record<string, string> = as("test-token-of-the-http-tests").headers,
  ) => (await service.request(path, { headers })).headers.get("location") ?? "";
  return { ...service, lead };
};
const now = () => Math.floor(Date.now() / 1000);
const opens = (url: string, at = now()) => opensAt(url, "", at, { google: SECRET });

it("what a browser opens leads to the CDN, signed for that file and time alone", async () => {
  const { send, lead } = await start(SIGNED);
  const { body } = await send(PRESIGN, { ...FILE, filename: "a.png" });
  const link = (await send(`${FILES}/links`, { receipt: body.receipt })).body.link_url;
  const opened = [
    body.get_url,
    await lead(`${FILES}/2026/11/${NAME}`),
    await lead(new URL(link).pathname, {}),
    await lead(`/p/org_1/2026/11/${NAME}`, {}),
  ];
  for (const url of opened) {
    expect(url).toMatch(
      /^https:\/\/cdn\.example\.com\/orgs\/org_1\/[a-z]+\/\d{4}\/\d\d\/[0-9a-f-]+\.png\?/,
    );
    expect(opens(url)).toBe(true);
    expect(opens(url, now() + 25 * 60 * 60)).toBe(false);
    expect(opens(url.replace("org_1", "org_2"))).toBe(false);
    expect(opens(url.replace(/Expires=\d/, "Expires=9"))).toBe(false);
  }
  expect(new URL(body.put_url).host).toBe("store.example.com");
});

it("the store itself serves what is to be saved or executed, a version, and services", async () => {
  const { send, lead } = await start(SIGNED);
  const file = `${FILES}/2026/11/${NAME}`;
  const { body } = await send(PRESIGN, {
    ...FILE,
    filename: "a.svg",
    content_type: "image/svg+xml",
  });
  const { body: internal } = await send(PRESIGN, FILE, as(SERVICE_TOKEN));
  expect(new URL(internal.get_url).host).toBe("127.0.0.1:2");
  for (const url of [
    body.get_url,
    await lead(`${file}?download`),
    await lead(`${file}?version=1`),
    await lead(file.replace(".png", ".html")),
  ]) {
    expect(new URL(url).host).toBe("store.example.com");
  }
  expect(new URL(body.get_url).searchParams.get("response-content-disposition")).toMatch(
    /^attachment/,
  );
});

it("a type that browsers execute never leads to the CDN under the extension of another", async () => {
  const { send, lead } = await start(SIGNED);
  const file = { ...FILE, filename: "a.png", content_type: "image/x+xml" };
  const { body } = await send(PRESIGN, file);
  const path = body.key.replace("orgs/org_1/files/", "");
  expect(new URL(await lead(`${FILES}/${path}`)).host).toBe("store.example.com");
});

it("without a signer, only public files are read at the CDN, under an address that does not end", async () => {
  const { send, lead } = await start(UNSIGNED);
  const { body } = await send(PRESIGN, { ...FILE, policy: "avatars" });
  expect(body.public_url).toBe(`${ROOT}/${body.key}`);
  expect(body.get_url).toBe(body.public_url);
  expect(await lead(`/p/org_1/2026/11/${NAME}`, {})).toBe(
    `${ROOT}/orgs/org_1/public/2026/11/${NAME}`,
  );
  const { body: secret } = await send(PRESIGN, FILE);
  expect(secret).not.toHaveProperty("public_url");
  expect(new URL(secret.get_url).host).toBe("store.example.com");
  const refused = await send(`${FILES}/cookies`, {});
  expect([refused.status, refused.body.title]).toEqual([
    400,
    "There are no cookies for files here",
  ]);
});

const asked = (scopes: string) => ({
  headers: { "X-User": "mia", "X-Groups": "acme", "X-Scopes": scopes },
});
const forward: Options["identity"] = {
  callers: {
    auth: "forward",
    trusted: [ipaddr.parseCIDR("127.0.0.1/32")],
    user: "x-user",
    organizations: "x-groups",
    scopes: "x-scopes",
  },
  organizations: {},
};

it("cookies open the organization's files or a folder of them, and nothing else", async () => {
  const { send } = await start(SIGNED, { identity: forward });
  const cookiesFor = async (body: object, scopes: string) => {
    const { status, body: answer } = await send(`${FILES}/cookies`, body, asked(scopes));
    const text = Object.entries(answer.cookies ?? {}).map(([name, value]) => `${name}=${value}`);
    const opened = (path: string, at = now()) =>
      opensAt(`${ROOT}/${path}`, text.join("; "), at, { google: SECRET });
    return { status, answer, opened };
  };
  const all = await cookiesFor({}, "list,read");
  expect(all.answer.prefix).toBe(`${ROOT}/orgs/acme/`);
  expect(all.opened("orgs/acme/files/2026/11/a.png")).toBe(true);
  expect(all.opened("orgs/acme/files/2026/11/a.png", now() + 25 * 60 * 60)).toBe(false);
  for (const path of [
    "orgs/acme2/files/a.png",
    "orgs/globex/a.png",
    "incoming/orgs/acme/a.png",
    "orgs/acme",
  ]) {
    expect(all.opened(path), path).toBe(false);
  }
  const month = await cookiesFor({ prefix: "2026/11" }, "list,read");
  expect(month.opened("orgs/acme/files/2026/11/a.png")).toBe(true);
  expect(month.opened("orgs/acme/files/2026/12/a.png")).toBe(false);
  const own = await cookiesFor({ mine: true }, "mine,read");
  expect(own.answer.prefix).toMatch(/\/orgs\/acme\/u-[0-9a-f]{32}\/$/);
  expect(own.opened("orgs/acme/files/2026/11/a.png")).toBe(false);
  for (const [body, scopes, status] of [
    [{}, "read,write,confirm", 403],
    [{}, "list", 403],
    [{ mine: true }, "list", 403],
    [{ mine: true }, "mine", 200],
    [{}, "mine,read", 403],
    [{ prefix: "2026/11" }, "mine,read", 403],
    [{ prefix: "../globex" }, "list,read", 400],
    [{ prefix: "*" }, "list,read", 400],
    [{ prefix: "albums/" }, "list,read", 400],
    [{ prefix: "albums", mine: true }, "list,read", 400],
    [{ expires_in: 1 }, "list,read", 400],
  ] as const) {
    expect((await cookiesFor(body, scopes)).status, JSON.stringify(body)).toBe(status);
  }
});
