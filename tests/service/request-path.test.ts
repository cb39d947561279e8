import { afterAll, beforeAll, expect, it } from "vitest";
import { tokensOf } from "../../adapters/tokens/tokens.ts";
import { exchange } from "../attacks/raw-request.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { TOKEN_KEY } from "../http/service.ts";

let service: ServiceProcess;
beforeAll(async () => {
  service = await startProcess({ LOG_FORMAT: "json" });
});
afterAll(() => service.stop());

/** The answer to a request for a target as it is, which `fetch` would rewrite; and what was logged of it. */
async function ask(target: string, method = "GET") {
  const body = '{"filename":"a.png","content_type":"image/png","size":5}';
  const { status, headers } = await exchange(service.address, [
    `${method} ${target} HTTP/1.1\r\nHost: ${new URL(service.address).host}\r\n` +
      `Authorization: Bearer ${service.token}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  ]);
  return { status, path: (await logged(headers)).path };
}

/** The log line about an answer, which can be written a moment after it. */
async function logged(headers: Headers) {
  const id = headers.get("x-request-id") ?? "no id";
  const lineOf = () =>
    service
      .output()
      .split("\n")
      .find((line) => line.includes(id));
  await expect.poll(lineOf).toBeDefined();
  return JSON.parse(lineOf() ?? "{}");
}

const { seal } = tokensOf([TOKEN_KEY]);
const token = seal("link", JSON.stringify({ k: "orgs/org_1/files/2026/11/a.png" }));
const coded = (text: string) =>
  [...text].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join("");

it.each([
  ["as it is given out", `/f/${token}`],
  ["behind a coded letter", `/%66/${token}`],
  ["with coded dots", `/%66/${token.replaceAll(".", "%2e")}`],
  ["coded whole", `/f/${coded(token)}`],
  ["coded whole, behind a coded letter", `/%66/${coded(token)}`],
  ["coded twice", `/f%252f${coded(token).replaceAll("%", "%25")}`],
  ["behind a coded slash", `/f%2f${token}`],
  ["in capitals", `/F/${token}`],
  ["behind two slashes", `//f/${token}`],
  ["behind a way out", `/healthz/../f/${token}`],
  ["with the address before it", `http://127.0.0.1/f/${token}`],
  ["elsewhere", `/api/v1/orgs/acme/files/${token}`],
])("a link's token %s is in no line of the log", async (_, target) => {
  const { path } = await ask(target);
  expect(path).toContain("…");
  const decoded = decodeURIComponent(decodeURIComponent(path));
  for (const secret of [token, coded(token), token.split(".").at(-1) ?? ""]) {
    expect(decoded).not.toContain(secret);
    expect(path).not.toContain(secret);
  }
});

it.each([
  ["/healthz?x=1", "/healthz"],
  ["/api/v1/orgs/acme/files/presign", "/api/v1/orgs/acme/files/presign"],
  [
    "/store/files/orgs/org_1/files/2026/11/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png",
    "/store/files/orgs/org_1/files/2026/11/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png",
  ],
  ["/my%20page/x", "/…/x"],
])("%s is logged as %s", async (target, path) => {
  expect((await ask(target)).path).toBe(path);
});

it("a long path is answered at once, and is cut in the log", async () => {
  for (const path of ["v1.".repeat(5000), "/a".repeat(7500), "a".repeat(15_000)]) {
    expect((await ask(`/${path}`)).path.length).toBeLessThanOrEqual(257);
  }
});

it.each([
  "/api/v1/orgs/acme/files/presi%67n",
  "/api/v1/orgs/%61cme/files/presign",
  "/api/v1/orgs/x/../acme/files/presign",
  "/api/v1/orgs/x/%2e%2e/acme/files/presign",
  "/store/../api/v1/orgs/acme/files/presign",
  "/api/v1/./orgs/acme/files/presign",
  "http://127.0.0.1/api/v1/orgs/x/../acme/files/presign",
])("%s has to be rewritten to be an address of ours, and is not found", async (target) => {
  expect((await ask("/api/v1/orgs/acme/files/presign", "POST")).status).toBe(200);
  expect((await ask(target, "POST")).status).toBe(404);
});

it("a refused request is logged with the code that its client was told", async () => {
  const { headers } = await fetch(`${service.address}/nowhere`);
  expect(await logged(headers)).toMatchObject({ status: 404, code: "NOT_FOUND" });
});
