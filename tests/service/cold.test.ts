import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request as open } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { page } from "../../adapters/http/page.ts";
import { OPERATIONS, PUBLIC_ROUTES } from "../../adapters/http/app/routes.ts";
import type { Entry } from "../../adapters/http/operations/operation.ts";
import { PRESIGN } from "../http/service.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { isFullRun } from "../support/full-run.ts";
import { startIssuer } from "../support/issuer.ts";
import { receiptKey } from "../support/receipt-key.ts";
import { serve } from "../support/serve.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";

const CONNECTIONS = 600;
/** In KiB: three quarters of the 512 MiB that the manifests grant. */
const MOST_MEMORY = 384 * 1024;

const FILES = PRESIGN.replace("/presign", "");
const ROUTE = FILES.replace("acme", ":slug");
const FILE = { filename: "a.txt", content_type: "text/plain", size: 5 };
const SHARED = {
  RECEIPT_KEYS: `test:${receiptKey("cold").toString("base64")}`,
  STORAGE_POLICIES: JSON.stringify({ shared: { link_lifetime: "1 hour" } }),
  CDN_URL: "https://cdn.example.com",
  CDN_SIGNER: "google",
  CDN_KEY_ID: "my-key",
  CDN_KEY: "nZtRohdNF9m3cKM24IcK4w==",
};

/** A good request of each operation that has a body. */
const BODIES: Readonly<Record<string, (made: Made) => unknown>> = {
  presign: () => FILE,
  presignBatch: () => ({ files: Array.from({ length: 10 }, () => FILE) }),
  confirm: ({ receipt }) => ({ receipt }),
  confirmBatch: ({ receipt }) => ({ receipts: Array.from({ length: 100 }, () => receipt) }),
  startMultipart: () => FILE,
  abortMultipart: ({ upload }) => ({ upload }),
  signParts: ({ upload }) => ({ upload, part_numbers: [1] }),
  completeMultipart: ({ upload, etag }) => ({ upload, parts: [{ part_number: 1, etag }] }),
  makeLink: ({ receipt }) => ({ receipt }),
  signCookies: () => ({}),
};

/** A process whose receipt key and folder the cold ones share, since it makes what they ask for. */
let warm: ServiceProcess;
beforeAll(async () => {
  warm = await startProcess(SHARED);
});
afterAll(() => warm.stop());

it("a process that has answered nothing yet answers 600 for the files of its page at once within its memory", async () => {
  const cold = await startProcess({ ...SHARED, STORAGE_LOCAL_DIR: warm.directory });
  const { token } = cold;
  const made = await make();
  const paths = page("http://127.0.0.1").map(({ path }) => addressOf(path, made));
  const each = Math.ceil(CONNECTIONS / paths.length);
  const answers = await Promise.all(
    paths.map((path) => atOnce(cold.address + path, { method: "GET", token, connections: each })),
  );
  expect(new Set(inTime(answers.flat()))).toEqual(new Set([200]));
  expect(peakMemory(cold)).toBeLessThan(MOST_MEMORY);
  await cold.stop();
});

/** Every operation and route of the service. */
const ENTRIES: ReadonlyArray<Entry> = [...Object.values(OPERATIONS), ...PUBLIC_ROUTES];
/** Those that take the most memory. */
const LARGEST = ["/batch", "/openapi.json"];
const TRIED = ENTRIES.filter(({ path }) => isFullRun || LARGEST.some((end) => path.endsWith(end)));

it.each(TRIED.map((row) => ({ ...row, name: `${row.methods[0]} ${row.path}` })))(
  "a process that has answered nothing yet answers 600 at once within its memory: $name",
  async ({ path, methods: [method = ""], ...row }) => {
    const made = await make();
    const cold = await startProcess({ ...SHARED, STORAGE_LOCAL_DIR: warm.directory });
    const operation = row.text?.operationId ?? "";
    const answers = await atOnce(cold.address + addressOf(path, made), {
      method,
      token: cold.token,
      body: BODIES[operation]?.(made),
    });
    const expected = EXPECTED.get(`${method} ${path}`) ?? [200];
    expect(inTime(answers).filter((status) => !expected.includes(status))).toEqual([]);
    expect(inTime(answers).filter((status) => status !== 503).length).toBeGreaterThanOrEqual(64);
    expect(peakMemory(cold)).toBeLessThan(MOST_MEMORY);
    await cold.stop();
  },
);

it("600 callers of a process that has no keys yet share one fetch of them, and one look-up of their organization", async () => {
  const issuer = await startIssuer();
  atTestEnd(issuer.stop);
  let lookUps = 0;
  const directory = await serve((_, answer) => {
    lookUps++;
    answer.end('{"id":"org_1"}');
  });
  issuer.setDown(true);
  const cold = await startProcess({
    AUTH: "jwt",
    JWT_ISSUER: issuer.url,
    JWT_AUDIENCE: "valetkey",
    JWT_JWKS_URL: issuer.jwksUrl,
    ORGANIZATIONS_URL: directory.origin,
    RECEIPT_KEYS: SHARED.RECEIPT_KEYS,
    AUDIT: "off",
  });
  await until("a fetch that fails", () => issuer.requests() > 0);
  issuer.setDown(false);
  const before = issuer.requests();
  const since = performance.now();
  const asked = { method: "POST", token: await issuer.sign(), body: FILE };
  const statuses = await until("keys", async () => {
    const answers = await atOnce(`${cold.address}${PRESIGN}`, asked);
    return answers.includes(200) && answers;
  });
  // Those that came before the next fetch was allowed are told to come again.
  expect(new Set([503, ...inTime(statuses)])).toEqual(new Set([503, 200]));
  // One that this busy process answers too late is forgotten after a second, and asked for again.
  const late = Math.floor((performance.now() - since) / 3000);
  expect(issuer.requests() - before).toBeOneOf(upTo(1 + late));
  expect(lookUps).toBeOneOf(upTo(1 + late));
  expect(peakMemory(cold)).toBeLessThan(MOST_MEMORY);
  await cold.stop();
});

const upTo = (most: number) => Array.from({ length: most }, (_, index) => index + 1);

/** What a route answers, where that is not 200 alone. */
/** Of 600 calls to the store at once 64 run and 256 wait; the others are refused at once. */
const EXPECTED = new Map<string, ReadonlyArray<number | undefined>>([
  [`POST ${ROUTE}/confirm`, [200, 503]],
  [`POST ${ROUTE}/multipart`, [200, 503]],
  [`GET ${ROUTE}/multipart/parts`, [200, 503]],
  [`DELETE ${ROUTE}/multipart`, [204, 503]],
  [`POST ${ROUTE}/multipart/complete`, [200, 503]],
  [`GET ${ROUTE}/:year/:month/:name/state`, [200, 503]],
  [`GET ${ROUTE}/:year/:month/:name`, [302]],
  [`DELETE ${ROUTE}/:year/:month/:name`, [204, 503]],
  [`GET ${ROUTE}`, [200, 503]],
  ["GET /f/:token", [302]],
]);

/** Leaves out requests whose headers were read too late, on a busy machine. */
const inTime = (answers: Answers): Answers => answers.filter((status) => status !== 408);

type Answers = ReadonlyArray<number | undefined>;

/** The address of a route that stands for something that is there. */
function addressOf(path: string, { key, link, upload }: Made): string {
  const query = path.endsWith("/multipart/parts") ? `?upload=${upload}` : "";
  return (
    path
      .replace(":slug", "acme")
      .replace(":year/:month/:name", key.replace(/^.*\/files\//, ""))
      .replace(":token", link)
      // The one that is made when it is first asked for.
      .replace("client/:file", "client/client.js") + query
  );
}

type Made = Awaited<ReturnType<typeof make>>;

/** An upload that is confirmed, with a link, and one in parts whose part is there. */
async function make() {
  const file = { ...FILE, policy: "shared" };
  const { put_url, put_headers, key, receipt } = await post("presign", file);
  await put(put_url, put_headers);
  const { link_url } = await post("links", { receipt });
  const { upload } = await post("multipart", FILE);
  const { parts } = await post("multipart/parts", { upload, part_numbers: [1] });
  const etag = await put(parts[0].url, parts[0].headers);
  return { key, receipt, upload, etag, link: link_url.replace(/^.*\/f\//, "") };
}

async function post(path: string, body: unknown) {
  const headers = { Authorization: `Bearer ${warm.token}`, "Content-Type": "application/json" };
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  const answer = await fetch(`${warm.address}${FILES}/${path}`, init);
  expect(answer.status).toBe(200);
  return answer.json();
}

async function put(url: string, headers: Record<string, string>) {
  const answer = await fetch(url, { method: "PUT", headers, body: "hello" });
  expect(answer.status).toBe(200);
  return answer.headers.get("etag");
}

/** Sends the same request on as many connections, 600 if left out, and gives the statuses of the answers. */
function atOnce(
  address: string,
  {
    method,
    token,
    body,
    connections = CONNECTIONS,
  }: { method: string; token: string; body?: unknown; connections?: number },
): Promise<Answers> {
  const sent = JSON.stringify(body);
  const headers = {
    Authorization: `Bearer ${token}`,
    ...(sent && { "Content-Type": "application/json", "Content-Length": sent.length }),
  };
  const one = async () => {
    const request = open(address, { method, headers, agent: false });
    request.end(sent);
    const [answer] = await once(request, "response");
    answer.resume();
    await once(answer, "end");
    return answer.statusCode;
  };
  return Promise.all(Array.from({ length: connections }, one));
}

/** The most memory that a process has held so far, in KiB. */
function peakMemory({ pid }: ServiceProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]);
}
