import * as Result from "effect/Result";
import { expect, it } from "vitest";
import { read } from "../../adapters/identity/settings.ts";
import { variables } from "../../adapters/settings/source.ts";
import type { AuditEvent } from "../../application/ports/audit.ts";
import { PRESIGN, presignInit, startService, FILE } from "./service.ts";

const GOOD = { "X-Forwarded-User": "alice", "X-Forwarded-Groups": "acme,globex" };

/** A service behind proxies of the networks in `trusted`, with its audit events. */
async function behind(trusted: string, env: Readonly<Record<string, string>> = {}) {
  const events: Array<AuditEvent> = [];
  const identity = Result.getOrThrow(
    read(variables({ AUTH: "forward", FORWARD_AUTH_TRUSTED: trusted, ...env })),
  );
  const { request } = await startService({ identity, loopbackOnly: false, audit: events });
  const ask = async (
    headers: Readonly<Record<string, string>> | ReadonlyArray<readonly [string, string]>,
    peer: string,
    path = PRESIGN,
  ) => {
    const own = new Headers(headers as Record<string, string>);
    own.set("Content-Type", "application/json");
    const init = { method: "POST", headers: own, body: JSON.stringify(FILE) };
    const answer = await request(path, init, peer);
    return { status: answer.status, headers: answer.headers, body: await answer.json() };
  };
  return { ask, events, request };
}

/** The headers of a caller with a name. */
const called = (name: string) =>
  [
    ["X-Forwarded-User", name],
    ["X-Forwarded-Groups", "acme"],
  ] as const;

/** As a header has it: a character for each byte of UTF-8. */
const inBytes = (text: string) => Buffer.from(text).toString("latin1");

it.each([
  ["10.0.0.0/8", "10.255.0.1"],
  ["10.0.0.0/8", "::ffff:10.1.2.3"],
  ["10.0.0.0/8", "::ffff:a01:203"],
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.0/120", "192.0.2.7"],
  ["2001:db8::/32", "2001:db8:ffff::1"],
  ["::1", "::1"],
  ["fd00::/8, 10.0.0.0/8", "10.0.0.1"],
])(
  "with FORWARD_AUTH_TRUSTED=%s, the headers of a proxy at %s are believed",
  async (trusted, peer) => {
    const { ask } = await behind(trusted);
    expect((await ask(GOOD, peer)).status).toBe(200);
  },
);

it.each([
  ["10.0.0.0/8", "11.0.0.1"],
  ["10.0.0.0/8", "::ffff:11.0.0.1"],
  ["10.0.0.0/8", "::10.0.0.1"],
  ["10.0.0.0/8", "64:ff9b::a00:1"],
  ["192.0.2.7", "192.0.2.8"],
  ["2001:db8::/32", "2001:db9::1"],
  ["::1", "127.0.0.1"],
  ["127.0.0.1", "::1"],
  ["10.0.0.0/8", ""],
  ["10.0.0.0/8", "10.0.0.1, 11.0.0.1"],
  ["10.0.0.0/8", "proxy.example.com"],
])(
  "with FORWARD_AUTH_TRUSTED=%s, the headers of a connection from %j are ignored",
  async (trusted, peer) => {
    const { ask } = await behind(trusted);
    const { status, headers, body } = await ask(GOOD, peer);
    expect([status, body.code]).toEqual([401, "UNAUTHENTICATED"]);
    expect(headers.get("www-authenticate")).toMatch(/^Bearer /);
    expect(body.detail).toContain("Sign in at the proxy");
  },
);

it("X-Forwarded-For and similar headers do not make a proxy trusted", async () => {
  const { ask } = await behind("10.0.0.0/8");
  for (const name of ["X-Forwarded-For", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP"]) {
    expect((await ask({ ...GOOD, [name]: "10.0.0.1" }, "203.0.113.9")).status).toBe(401);
    // A trusted proxy stays trusted, whatever such a header says.
    expect((await ask({ ...GOOD, [name]: "203.0.113.9" }, "10.0.0.1")).status).toBe(200);
  }
  const forwarded = { ...GOOD, Forwarded: "for=10.0.0.1" };
  expect((await ask(forwarded, "203.0.113.9")).status).toBe(401);
});

it.each<[string, ReadonlyArray<readonly [string, string]>]>([
  ["without a user", [["X-Forwarded-Groups", "acme"]]],
  ["with an empty user", called("")],
  ["with a user of white space", called("  ")],
  ["with two users", [["X-Forwarded-User", "alice"], ...Object.entries(GOOD)]],
  ["with a comma in the user", called("alice,bob")],
  ["with an empty user first", [["X-Forwarded-User", ""], ...Object.entries(GOOD)]],
  ["with an empty user last", [...Object.entries(GOOD), ["X-Forwarded-User", ""]]],
  ["with two lists of groups", [...Object.entries(GOOD), ["X-Forwarded-Groups", "initech"]]],
  ["with the user in another spelling", [...Object.entries(GOOD), ["X_Forwarded_User", "root"]]],
  ["with the user in a mixed spelling", [...Object.entries(GOOD), ["x-Forwarded_USER", "root"]]],
  ["with groups in another spelling", [...Object.entries(GOOD), ["X_Forwarded_Groups", "initech"]]],
  ["with a user that is not in UTF-8", called("jos\u00e9")],
  ["with a mark of byte order before the user", called(`${inBytes("\ufeff")}alice`)],
  ["with a user that is too long", called("a".repeat(257))],
])("a request of a trusted proxy %s is refused", async (_, headers) => {
  const { ask, events } = await behind("127.0.0.1");
  const { status, body } = await ask(headers, "127.0.0.1");
  expect([status, body.code]).toEqual([401, "UNAUTHENTICATED"]);
  expect(events.map(({ principal }) => principal)).toEqual([undefined]);
});

it("a caller has the organizations that the proxy names, and gets 404 for all others", async () => {
  const { ask, events } = await behind("127.0.0.1");
  const { body } = await ask(GOOD, "127.0.0.1", "/api/v1/orgs/globex/files/presign");
  expect(body.key).toMatch(/^orgs\/globex\//);
  expect((await ask(GOOD, "127.0.0.1", "/api/v1/orgs/initech/files/presign")).status).toBe(404);
  const none = { "X-Forwarded-User": "alice" };
  expect((await ask(none, "127.0.0.1")).status).toBe(404);
  expect(events.map(({ principal }) => principal?.subject)).toEqual(["alice", "alice", "alice"]);
});

it("a caller has the name that the proxy sends in UTF-8", async () => {
  const { ask, events } = await behind("127.0.0.1");
  const names = ["josé@example.com", "日本", "Ö", "😀"];
  for (const name of names) {
    const headers = { ...GOOD, "X-Forwarded-User": inBytes(name) };
    expect((await ask(headers, "127.0.0.1")).status).toBe(200);
  }
  expect(events.map(({ principal }) => principal?.subject)).toEqual(names);
});

it("a caller has the scopes that the proxy names, if a header for them is configured", async () => {
  const { ask } = await behind("127.0.0.1", { FORWARD_AUTH_SCOPES: "X-Forwarded-Scopes" });
  const scopes = (names: string) => ({ ...GOOD, "X-Forwarded-Scopes": names });
  expect((await ask(scopes("read,write"), "127.0.0.1")).status).toBe(200);
  const refused = await ask(scopes("read"), "127.0.0.1");
  expect([refused.status, refused.body.scope]).toEqual([403, "write"]);
  expect((await ask(GOOD, "127.0.0.1")).status).toBe(403);
  expect((await ask({ ...scopes("read"), X_Forwarded_Scopes: "write" }, "127.0.0.1")).status).toBe(
    401,
  );
});

it("a caller is a service only if a header for it is configured and says exactly that", async () => {
  const { ask, events } = await behind("127.0.0.1", { FORWARD_AUTH_KIND: "X-Forwarded-Kind" });
  for (const kind of ["service", "Service", "services", "user"]) {
    await ask({ ...GOOD, "X-Forwarded-Kind": kind }, "127.0.0.1");
  }
  await ask(GOOD, "127.0.0.1");
  const kinds = events.map(({ principal }) => principal?.kind);
  expect(kinds).toEqual(["service", "user", "user", "user", "user"]);
});

it("a bearer token identifies nobody with AUTH=forward", async () => {
  const { request } = await behind("127.0.0.1");
  expect((await request(PRESIGN, presignInit())).status).toBe(401);
});

it("a proxy names the caller by the headers that are configured, and by no others", async () => {
  const { ask, events } = await behind("127.0.0.1", {
    FORWARD_AUTH_USER: "Remote-User",
    FORWARD_AUTH_ORGANIZATIONS: "Remote-Groups",
  });
  const remote = { "Remote-User": "bob", "Remote-Groups": "acme" };
  expect((await ask({ ...GOOD, ...remote }, "127.0.0.1")).status).toBe(200);
  expect(events[0]?.principal?.subject).toBe("bob");
  expect((await ask(GOOD, "127.0.0.1")).status).toBe(401);
  expect((await ask({ ...remote, Remote_User: "root" }, "127.0.0.1")).status).toBe(401);
});
