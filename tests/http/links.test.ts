import * as Duration from "effect/Duration";
import { expect, it } from "vitest";
import { tokensOf } from "../../adapters/tokens/tokens.ts";
import { LinkLifetime } from "../../domain/link.ts";
import { as, PRESIGN, SERVICE_TOKEN, signedAt, startService, TOKEN_KEY } from "./service.ts";

const LINKS = "/api/v1/orgs/acme/files/links";
const YEAR = 365 * 24 * 60 * 60;
const policy = { linkLifetime: LinkLifetime.make(Duration.days(365)) };
const KEY = "orgs/org_1/files/2026/11/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png";

/** The content of a link that was made at `i` under the policy `p`, and expires at `x`. */
const content = (x: number, { p = "files", i = Date.now() } = {}) =>
  JSON.stringify({ k: KEY, n: "a.png", t: "image/png", p, i, x });

async function start() {
  const { request, send } = await startService({
    policy,
    policies: { unlinked: { linkLifetime: undefined } },
  });
  const grant = async (over: object = {}) => {
    const file = { filename: "Überblick.svg", content_type: "image/png", size: 5, ...over };
    return (await send(PRESIGN, file)).body.receipt as string;
  };
  const follow = async (path: string) => {
    const answer = await request(path);
    return { answer, location: new URL(answer.headers.get("location") ?? "about:blank") };
  };
  return { post: send, grant, follow };
}

it("a link opens the file for whoever holds it, under its own name", async () => {
  const { post, grant, follow } = await start();
  const receipt = await grant();
  const before = Date.now();
  const { status, body } = await post(LINKS, { receipt });
  expect(status).toBe(200);
  // It is told in whole seconds.
  const madeAt = Date.parse(body.expires_at) - YEAR * 1000;
  expect(madeAt).toBeGreaterThan(before - 1000);
  expect(madeAt).toBeLessThan(Date.now() + 1000);
  const link = new URL(body.link_url);
  expect(link.origin).toBe("https://uploads.example.com");
  expect(link.href).not.toContain("store.example.com");
  const { answer, location } = await follow(link.pathname);
  expect(answer.status).toBe(302);
  expect(location.host).toBe("store.example.com");
  expect(location.searchParams.get("response-content-disposition")).toContain(
    "filename*=UTF-8''%C3%9Cberblick.svg",
  );
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(signedAt(location) % ((24 * 60 * 60) / 8)).toBe(0);
  expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
});

it("a link leads to the public endpoint, even if a service made it", async () => {
  const { post, grant, follow } = await start();
  const asked = { receipt: await grant(), expires_in: 60 };
  const { body } = await post(LINKS, asked, as(SERVICE_TOKEN));
  expect((await follow(new URL(body.link_url).pathname)).location.host).toBe("store.example.com");
});

it("a link opens the version that is named for it", async () => {
  const { post, grant, follow } = await start();
  const { body } = await post(LINKS, { receipt: await grant(), version: "v-1" });
  const { location } = await follow(new URL(body.link_url).pathname);
  expect(location.searchParams.get("versionId")).toBe("v-1");
});

it.each([
  [{ expires_in: YEAR + 1 }, 400, "INVALID_REQUEST"],
  [{ expires_in: 0 }, 400, "INVALID_REQUEST"],
  [{ expires_in: 1.5 }, 400, "INVALID_REQUEST"],
  [{ key: KEY }, 400, "INVALID_REQUEST"],
])("a request for a link with %j is answered with %i %s", async (over, status, code) => {
  const { post, grant } = await start();
  const refused = await post(LINKS, { receipt: await grant(), ...over });
  expect([refused.status, refused.body.code]).toEqual([status, code]);
});

it("a policy without link_lifetime allows no links", async () => {
  const { post, grant } = await start();
  const refused = await post(LINKS, { receipt: await grant({ policy: "unlinked" }) });
  expect([refused.status, refused.body.code]).toEqual([403, "FORBIDDEN"]);
});

it("an invalid or expired link, or a token for another purpose, is not found", async () => {
  const { grant, follow } = await start();
  const { seal } = tokensOf([TOKEN_KEY]);
  const good = seal("link", content(Date.now() + 600_000));
  expect((await follow(`/f/${good}`)).answer.status).toBe(302);
  for (const token of [
    seal("link", content(Date.now() - 1)),
    seal("receipt", content(Date.now() + 600_000)),
    await grant(),
    seal("link", "{}"),
    // Links of earlier versions, which do not name their policy.
    seal("link", JSON.stringify({ ...JSON.parse(content(Date.now() + 600_000)), p: undefined })),
    seal("link", content(Date.now() + 600_000, { p: "unlinked" })),
    seal("link", content(Date.now() + 600_000, { p: "removed" })),
    seal("link", content(Date.now() + 600_000).replace("org_1", "..")),
    `${good}A`,
    good.slice(0, -1),
    "a".repeat(10_000),
  ]) {
    const { answer } = await follow(`/f/${token}`);
    expect([answer.status, (await answer.json()).code]).toEqual([404, "NOT_FOUND"]);
  }
});

it("a link works no longer than its policy allows now, and its URL no longer than the link", async () => {
  const { follow } = await start();
  const { seal } = tokensOf([TOKEN_KEY]);
  const soon = Date.now() + 600_000;
  const old = Date.now() - YEAR * 1000;
  const over = await follow(`/f/${seal("link", content(soon, { i: old - 1000 }))}`);
  expect(over.answer.status).toBe(404);
  const ending = await follow(`/f/${seal("link", content(soon, { i: old + 300_000 }))}`);
  expect(Number(ending.location.searchParams.get("X-Amz-Expires"))).toBeLessThanOrEqual(300);
  const { location } = await follow(`/f/${seal("link", content(Date.now() + 60_000))}`);
  expect(Number(location.searchParams.get("X-Amz-Expires"))).toBeLessThanOrEqual(60);
});
