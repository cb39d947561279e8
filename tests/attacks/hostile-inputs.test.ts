import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { send } from "../../adapters/contract/sending/send.ts";
import { ask, TEXT } from "../support/ask.ts";
import { startIssuer } from "../support/issuer.ts";
import { startProcess } from "../support/service-process.ts";
import {
  type Attack,
  bearer,
  good,
  granted,
  hostOf,
  JSON_TYPE,
  presign,
  PRESIGN,
  type Site,
} from "./attack.ts";
import { http, slow } from "./http.ts";
import { organizations } from "./organizations.ts";
import { hosts, ORIGIN } from "./hosts.ts";
import { exchange, type RawAnswer } from "./raw-request.ts";
import { receiptKey } from "../support/receipt-key.ts";

let site: Site;
/** The attacks that take their time, which go on beside all others. */
let slowly: ReadonlyArray<Promise<void>>;
/** Connections on which nothing is sent. */
let idle: ReadonlyArray<Promise<RawAnswer>>;

beforeAll(async () => {
  const issuer = await startIssuer();
  const [dev, jwt] = await Promise.all([
    startProcess({ CORS_ORIGINS: ORIGIN }),
    startProcess({
      AUTH: "jwt",
      JWT_ISSUER: issuer.url,
      JWT_AUDIENCE: "valetkey",
      JWT_JWKS_URL: issuer.jwksUrl,
      RECEIPT_KEYS: `test:${receiptKey("test").toString("base64")}`,
    }),
  ]);
  site = { dev, jwt, issuer };
  slowly = slow.map(carryOut);
  for (const one of slowly) one.catch(() => undefined);
  idle = Array.from({ length: 200 }, () => exchange(dev.address, []));
});

afterAll(() => Promise.all(Object.values(site).map(({ stop }) => stop())));

/** The folder of the code, which no answer may name. */
const ROOT = new URL("../..", import.meta.url).pathname;

/** Checks that an answer is no 5xx, and names no file, folder or line of the code. */
function expectNoLeak({ status, text }: RawAnswer): void {
  expect(status, text).toBeLessThan(500);
  expect(text).not.toMatch(/^\s+at /m);
  for (const word of [ROOT, site.dev.directory, site.jwt.directory, "node_modules", "node:"]) {
    expect(text).not.toContain(word);
  }
}

async function carryOut({ to, request, outcome }: Attack): Promise<void> {
  const answer = await exchange(site[to].address, await request(site));
  expectNoLeak(answer);
  outcome.check(answer);
}

function holds(attacks: ReadonlyArray<Attack>): void {
  for (const attack of attacks) {
    it(`${attack.input} ${attack.outcome.says}`, () => carryOut(attack));
  }
}

it("200 connections on which nothing is sent keep nobody waiting", async () => {
  granted().check(await exchange(site.dev.address, presign(site.dev)));
});

describe("an organization:", () => holds(organizations));
describe("a host:", () => holds(hosts));
describe("over HTTP:", () => holds(http));

const BODY = JSON.stringify(good);

const head = (line: string, ...headers: ReadonlyArray<string>) =>
  [
    `${line} HTTP/1.1`,
    `Host: ${hostOf(site.dev)}`,
    ...headers,
    "Expect: 100-continue",
    `Content-Length: ${BODY.length}`,
    "\r\n",
  ].join("\r\n");

it.each([
  ["without a token", `POST ${PRESIGN}`, 401],
  ["for a path that does not exist", "POST /nowhere", 404],
  ["for the embedded store without a signature", "PUT /store/files/a", 403],
])(
  "a request %s is refused before the client is told to send its body",
  async (_, line, status) => {
    const { text } = await exchange(site.dev.address, [head(line, JSON_TYPE)]);
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(text).toMatch(/\r\nConnection: close\r\n/i);
  },
);

it("a client with a valid token is told to send its body, and is then answered", async () => {
  const { hostname, port } = new URL(site.dev.address);
  const socket = connect(Number(port), hostname);
  socket.write(head(`POST ${PRESIGN}`, JSON_TYPE, bearer(site.dev.token)));
  const [told] = await once(socket, "data");
  expect(String(told)).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  socket.write(BODY);
  const [answer] = await once(socket, "data");
  expect(String(answer)).toMatch(/^HTTP\/1\.1 200 /);
  socket.destroy();
});

// A client that gets only "connection reset" cannot tell a person what is wrong.
it.each([20_000, 900_000])("a refusal reaches a client that is sending %d bytes", async (size) => {
  const path = `${site.dev.address}/api/v1/orgs/acme/files/presign`;
  const headers = { "Content-Type": "application/json" };
  const unknown = await send("POST", path, { headers, body: "x".repeat(size) });
  expect(unknown.status).toBe(401);
  const authorization = { Authorization: `Bearer ${site.dev.token}` };
  const large = await send("POST", path, {
    headers: { ...headers, ...authorization },
    body: "x".repeat(size),
  });
  expect(large.status).toBe(413);
});

describe("sent slowly:", () => {
  for (const [index, { input, outcome }] of slow.entries()) {
    it(`${input} ${outcome.says}`, () => slowly[index]);
  }

  it("200 connections on which nothing is sent are closed", async () => {
    for (const answer of await Promise.all(idle)) expect([408, 0]).toContain(answer.status);
  });
});

it("both services still answer a good request after all attacks", async () => {
  granted().check(await exchange(site.dev.address, presign(site.dev)));
  const token = await site.issuer.sign();
  const answer = await ask({ ...site.jwt, token }, "presign", { ...TEXT, size: 5 });
  expect(answer.status).toBe(200);
});

it("neither service has logged an error after all attacks", () => {
  const log = site.dev.output() + site.jwt.output();
  expect(log).toContain('"message":"request"');
  expect(log.split("\n").filter((line) => line.includes('"level":"error"'))).toEqual([]);
});

it("no hostile input has started a line of its own in the log", () => {
  const lines = (site.dev.output() + site.jwt.output()).split("\n");
  for (const line of lines.filter((line) => line.startsWith("{"))) {
    expect(JSON.parse(line)).toHaveProperty("time");
  }
});

it("the issuer was asked for its keys fewer than five times", () => {
  expect(site.issuer.requests()).toBeGreaterThan(0);
  expect(site.issuer.requests()).toBeLessThan(5);
});
