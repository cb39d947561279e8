import * as Effect from "effect/Effect";
import * as Logger from "effect/Logger";
import ipaddr from "ipaddr.js";
import { expect, it } from "vitest";
import type { AuditEvent } from "../../application/ports/audit.ts";
import { PRESIGN, presignInit, startService } from "./service.ts";

const GOOD = { filename: "secret-name.png", content_type: "image/png", size: 5 };

it("each decision makes an event if what answers a request dies", async () => {
  const audit: Array<AuditEvent> = [];
  const { request } = await startService({
    audit,
    authenticator: { authenticate: () => Effect.die(new Error("a fault")) },
  });
  expect((await request(PRESIGN, presignInit(GOOD))).status).toBe(500);
  expect(audit).toMatchObject([{ action: "presign", refusal: "INTERNAL" }]);
});

it("each decision makes an event if a scope is missing, and requests without a decision make none", async () => {
  const audit: Array<AuditEvent> = [];
  const identity = {
    callers: {
      auth: "forward",
      trusted: [ipaddr.parseCIDR("127.0.0.1/32")],
      user: "x-user",
      organizations: "x-groups",
      scopes: "x-scopes",
    },
    organizations: {},
  } as const;
  const { request } = await startService({ audit, identity });
  const headers = { "X-User": "alice", "X-Groups": "acme", "X-Scopes": "read" };
  expect((await request(PRESIGN, presignInit(GOOD, headers))).status).toBe(403);
  expect(audit).toMatchObject([
    { action: "presign", refusal: "FORBIDDEN", principal: { subject: "alice" } },
  ]);
  for (const [path, init] of [
    ["/healthz", {}],
    [PRESIGN, { method: "GET" }],
    [PRESIGN, { method: "OPTIONS" }],
    ["/nothing", {}],
  ] as const) {
    await request(path, init);
  }
  expect(audit).toHaveLength(1);
});

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";
// "Trace Context", W3C, section 3.2; as its own tests have them.
it.each([
  [`00-${TRACE}-${PARENT}-01`, TRACE],
  [`00-${TRACE}-${PARENT}-00`, TRACE],
  [`01-${TRACE}-${PARENT}-09`, TRACE],
  [`cc-${TRACE}-${PARENT}-01-what-comes-later`, TRACE],
  [undefined, undefined],
  [`00-${TRACE}-${PARENT}-01-what-comes-later`, undefined],
  [`00-${TRACE}-${PARENT}-01.`, undefined],
  [`cc-${TRACE}-${PARENT}-01.what-comes-later`, undefined],
  [`ff-${TRACE}-${PARENT}-01`, undefined],
  [`00-${TRACE.toUpperCase()}-${PARENT}-01`, undefined],
  [`00-${"0".repeat(32)}-${PARENT}-01`, undefined],
  [`00-${TRACE}-${"0".repeat(16)}-01`, undefined],
  [`00-${TRACE}-${PARENT}-1`, undefined],
  [`00-${TRACE}-${PARENT}`, undefined],
  [`00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`, undefined],
])(
  "each decision has the id of its trace from traceparent %s: %s",
  async (traceparent, traceId) => {
    const audit: Array<AuditEvent> = [];
    const lines: Array<unknown> = [];
    const log = Logger.make<unknown, void>(({ message }) => void lines.push(message));
    const { request } = await startService({ audit, log });
    await request(PRESIGN, presignInit(GOOD, traceparent === undefined ? {} : { traceparent }));
    expect(audit).toMatchObject([{ traceId }]);
    const [, facts] = lines.at(-1) as readonly [string, object];
    expect({ trace_id: undefined, ...facts }).toMatchObject({ method: "POST", trace_id: traceId });
  },
);
