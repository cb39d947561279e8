import { expect, it, onTestFinished, vi } from "vitest";
import { SERVICE_TOKEN, signedAt, startService, storeFor, TOKEN } from "./service.ts";

const UUID = "5007cd59-14b0-4a8f-9bfa-7debee4b183d";
/** An eighth of the lifetime of a URL, in seconds. */
const WINDOW = (24 * 60 * 60) / 8;
const AT = `/api/v1/orgs/acme/files/2026/11/${UUID}`;

async function open(path: string, token = TOKEN, over: Parameters<typeof startService>[0] = {}) {
  const { request } = await startService(over);
  const answer = await request(path, { headers: { Authorization: `Bearer ${token}` } });
  const location = new URL(answer.headers.get("location") ?? "about:blank");
  return { status: answer.status, headers: answer.headers, location };
}

it("a file address redirects to a new signed GET of the organization's own key, which a browser may cache", async () => {
  const asked = Date.now() / 1000;
  const { status, headers, location } = await open(`${AT}.png`);
  const answered = Date.now() / 1000;
  expect(status).toBe(302);
  expect(location.host).toBe("store.example.com");
  expect(location.pathname).toBe(`/files/orgs/org_1/files/2026/11/${UUID}.png`);
  expect(location.searchParams.get("response-content-type")).toBe("image/png");
  expect(location.searchParams.get("response-content-disposition")).toBe(
    `inline; filename="${UUID}.png"`,
  );
  const [, seconds = ""] =
    /^private, max-age=(\d+)$/.exec(headers.get("cache-control") ?? "") ?? [];
  // Callers are known by a token, or at a proxy by a cookie.
  expect(headers.get("vary")).toContain("Authorization, Cookie");
  // Until the end of the window, in whole seconds.
  expect((answered + Number(seconds) + 1) % WINDOW).toBeLessThanOrEqual(answered - asked + 2);
});

it("the signed GET behind a file address is dated at the start of its window, and stays the same until the next", async () => {
  const asked = Date.now() / 1000;
  const { location } = await open(`${AT}.png`);
  expect(signedAt(location) % WINDOW).toBe(0);
  expect(signedAt(location)).toBeGreaterThan(asked - WINDOW);
});

it("a browser may keep a file address no longer than the credentials live that signed it", async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2029, 0, 1) });
  onTestFinished(() => void vi.useRealTimers());
  const { headers } = await open(`${AT}.png`, TOKEN, { storage: storeFor(10) });
  expect(headers.get("cache-control")).toBe("private, max-age=600");
  const always = await open(`${AT}.png`);
  expect(always.headers.get("cache-control"), "else to the end of its window").toBe(
    `private, max-age=${WINDOW}`,
  );
});

it("a service that opens a file address is redirected to the internal endpoint", async () => {
  expect((await open(`${AT}.png`, SERVICE_TOKEN)).location.host).toBe("127.0.0.1:2");
});

it.each([
  [".png?download", "image/png", "attachment"],
  [".svg", "image/svg+xml", "attachment"],
  [".txt", "text/plain", "inline"],
  [".nothing", "application/octet-stream", "inline"],
])("a file that ends in %s is served as %s, %s", async (extension, type, kind) => {
  const { searchParams } = (await open(`${AT}${extension}`)).location;
  expect(searchParams.get("response-content-type")).toBe(type);
  expect(searchParams.get("response-content-disposition")).toMatch(new RegExp(`^${kind};`));
});

it("a file address names a version in the signed GET, and no other parameter", async () => {
  const strange = "3/L4+x==&versionId=null#\u007e";
  const { status, location } = await open(`${AT}.png?version=${encodeURIComponent(strange)}`);
  expect(status).toBe(302);
  expect(location.searchParams.getAll("versionId")).toEqual([strange]);
  expect((await open(`${AT}.png`)).location.searchParams.has("versionId")).toBe(false);
});

it.each(["", " ", "a b", "\n", "é", "v".repeat(1025)])(
  "a file address with a version that no file can have is not found: %j",
  async (version) => {
    const query = `version=${encodeURIComponent(version)}`;
    expect((await open(`${AT}.png?${query}`)).status).toBe(404);
  },
);
