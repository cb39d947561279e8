import { expect, it } from "vitest";
import { startService, TOKEN } from "./service.ts";

const authorized = { headers: { Authorization: `Bearer ${TOKEN}` } };

async function problemAt(path: string, options: Parameters<typeof startService>[0] = {}) {
  const { request } = await startService({ page: [], ...options });
  const answer = await request(path, authorized);
  const { title, detail, code } = await answer.json();
  expect([answer.status, code], path).toEqual([404, "NOT_FOUND"]);
  return `${title}. ${detail}`;
}

const ELSEWHERE =
  "The service has no such address. Files are below /api/v1/orgs/ORGANIZATION/files, and /openapi.json describes all addresses.";

it.each(["/", "/api", "/api/v1/", "/api/v1/orgs", "/api/v1/orgs/acme/", "/docs", "/favicon.ico"])(
  "%s says where files are",
  async (path) => {
    expect(await problemAt(path)).toBe(ELSEWHERE);
  },
);

it.each([
  "/api/v1/orgs/acme/files/",
  "/api/v1/orgs/acme/files/presign/",
  "/openapi.json/",
  "/healthz/",
  "/f/a.token/",
])("%s is told to leave out its last slash", async (path) => {
  const said = "The service has no such address. Leave out the slash at its end.";
  expect(await problemAt(path)).toBe(said);
});

it.each(["/f", "/f/"])("a link that was cut off to %s is told to be incomplete", async (path) => {
  expect(await problemAt(path)).toMatch(/^The link does not work\. The link is incomplete/);
});

it.each(["/api/v1/orgs/SLUG/files/", "/api/v1/orgs/SLUG/", "/api/v1/orgs/SLUG/files/2026"])(
  "%s says the same of an organization that exists and of others",
  async (path) => {
    const [own, other, none] = await Promise.all(
      ["acme", "globex", "nobody"].map((slug) => problemAt(path.replace("SLUG", slug))),
    );
    expect([other, none]).toEqual([own, own]);
  },
);

it("addresses are named below the path that the service is mounted under", async () => {
  const publicUrl = new URL("http://127.0.0.1:8787/uploads");
  expect(await problemAt("/uploads/", { publicUrl })).toContain(
    "Files are below /uploads/api/v1/orgs/ORGANIZATION/files, and /uploads/openapi.json",
  );
});
