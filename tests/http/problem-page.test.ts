import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { problemPage } from "../../adapters/http/problems/problem-page.ts";
import { PRESIGN, presignInit, startService } from "./service.ts";

/** What a browser accepts when a person opens an address. */
const BROWSER = { Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };
const DEAD = "/f/v1.test.YWJj.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

it.each([
  [DEAD, 404, "The link does not work"],
  ["/nothing-here", 404, "NOT_FOUND"],
  ["/api/v1/orgs/acme/files/2026/11/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png", 401, "token"],
])("a browser that opens %s gets a page", async (path, status, text) => {
  const { request } = await startService();
  const answer = await request(path, { headers: BROWSER });
  expect(answer.status).toBe(status);
  expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  const page = await answer.text();
  expect(page).toContain("<h1>");
  expect(page).toContain(text);
  expect(page).toContain(answer.headers.get("x-request-id"));
  const asJson = await request(path);
  expect(page).toContain((await asJson.json()).title);
});

it("the page about a problem runs and loads nothing, and its policy permits only its own style", async () => {
  const { request } = await startService();
  const answer = await request(DEAD, { headers: BROWSER });
  const [, style = ""] = /<style>(.*)<\/style>/s.exec(await answer.text()) ?? [];
  const hash = createHash("sha256").update(style).digest("base64");
  expect(answer.headers.get("content-security-policy")).toBe(
    `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  );
});

it.each([
  [{}],
  [{ Accept: "*/*" }],
  [{ Accept: "application/problem+json" }],
  [{ Accept: "application/json, text/html;q=0.5" }],
])("a client with the headers %j gets a problem document", async (headers) => {
  const { request } = await startService();
  const answer = await request(DEAD, { headers });
  expect(answer.status).toBe(404);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(await answer.json()).toMatchObject({ code: "NOT_FOUND" });
});

it("a POST is answered with a problem document, even if a browser sends it", async () => {
  const { request } = await startService();
  const answer = await request(PRESIGN, presignInit({ size: "<b>" }, BROWSER));
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
});

it("the page about a problem shows markup in its title and detail as text", () => {
  const texts = { code: "NOT_FOUND", title: "<b>", detail: "<script>&" };
  const problem = { status: 404, ...texts, members: {}, headers: {} };
  const { body } = problemPage(problem, "the-request");
  expect(body).toContain("<h1>&lt;b&gt;</h1>");
  expect(body).toContain("<p>&lt;script&gt;&amp;</p>");
});
