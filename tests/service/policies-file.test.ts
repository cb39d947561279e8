import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Logger from "effect/Logger";
import * as Result from "effect/Result";
import * as TestClock from "effect/testing/TestClock";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { makeApplication } from "../../adapters/service/application.ts";
import { observe } from "../../adapters/service/observe.ts";
import { readAll } from "../../adapters/service/settings.ts";
import { RECHECK } from "../../adapters/settings/json-file.ts";
import { PRESIGN, presignInit } from "../http/service.ts";
import { until } from "../support/until.ts";

const TOKEN = "a-token-0123456789";
const as = (token: string) => ({ Authorization: `Bearer ${token}` });

/** A service with a file of policies, and what its log says of that. */
const serving = Effect.fnUntraced(function* (document: object) {
  const folder = mkdtempSync(join(tmpdir(), "valetkey-policies-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "policies.json");
  const log: Array<string> = [];
  const write = (policies: unknown) => writeFileSync(path, JSON.stringify(policies));
  write(document);
  const settings = Result.getOrThrow(
    readAll({
      DEV_TOKEN: TOKEN,
      METRICS_TOKEN: `m${TOKEN}`,
      STORAGE_LOCAL_DIR: folder,
      STORAGE_POLICIES: path,
    }),
  );
  const observer = observe(settings);
  const { fetch } = yield* makeApplication(settings, observer, () => false).pipe(
    Effect.provide(Logger.layer([Logger.make(({ message }) => log.push(String(message)))])),
    Effect.provide(observer.layer),
  );
  const isSaid =
    (said: string, before = 0) =>
    () =>
      log.slice(before).some((line) => line.includes(said));
  yield* Effect.promise(() => until("the first look", isSaid("was read")));
  const ask = async (path: string, init: RequestInit = { headers: as(TOKEN) }) => {
    const request = new Request(`http://127.0.0.1:8787${path}`, init);
    return fetch(request, { address: "127.0.0.1" });
  };
  return {
    path,
    log,
    ask,
    presign: async (policy: string) => {
      const body = { filename: "a.png", content_type: "image/png", size: 5, policy };
      return (await ask(PRESIGN, presignInit(body, as(TOKEN)))).status;
    },
    readiness: async () => (await ask("/readyz")).json(),
    /** Writes the file, and lets time pass until the log says so. */
    change: Effect.fnUntraced(function* (policies: unknown, said: string) {
      const before = log.length;
      write(policies);
      yield* TestClock.adjust(RECHECK);
      yield* Effect.promise(() => until(said, isSaid(said, before)));
      // An answer of /readyz is kept for as long.
      yield* TestClock.adjust("5 seconds");
    }),
  };
});

it.effect("the policies of a changed file count for every request that begins after it", () =>
  Effect.gen(function* () {
    const { ask, presign, change } = yield* serving({ before: {} });
    expect(yield* Effect.promise(() => presign("before"))).toBe(200);
    const { readable: body, writable } = new TransformStream<Uint8Array>();
    const { headers } = presignInit({}, as(TOKEN));
    const slow = ask(PRESIGN, { method: "POST", headers, body, duplex: "half" } as RequestInit);
    yield* change({ after: { max_size: "1 KiB" } }, "was read");
    expect(yield* Effect.promise(() => presign("before"))).toBe(400);
    expect(yield* Effect.promise(() => presign("after"))).toBe(200);
    const file = { filename: "a.png", content_type: "image/png", size: 5, policy: "before" };
    void new Response(JSON.stringify(file)).body?.pipeTo(writable);
    expect((yield* Effect.promise(() => slow)).status).toBe(200);
    const metrics = yield* Effect.promise(async () =>
      (await ask("/metrics", { headers: as(`m${TOKEN}`) })).text(),
    );
    for (const policy of ["before", "after"]) {
      expect(metrics).toMatch(new RegExp(`uploads_granted_total\\{policy="${policy}"\\} [12]\\n`));
    }
  }),
);

it.effect("a file of policies that is at fault changes nothing, as the log and /readyz say", () =>
  Effect.gen(function* () {
    const { path, presign, change, readiness } = yield* serving({ before: {} });
    const state = { since: expect.any(String) };
    for (const [policies, reason] of [
      [{ after: { max_sise: 1 } }, "/after/max_sise: it is not a known member"],
      // What only the store decides.
      [{ after: { max_size: "6 TiB" } }, "/after/max_size: it is more than 5 TiB"],
      [
        { after: { arrival: "incoming", write_once: true, scan: "clamd" } },
        "/after/scan: it is clamd",
      ],
    ] as const) {
      yield* change(policies, `the file ${path} has a fault: ${reason}`);
      expect(yield* Effect.promise(() => presign("before"))).toBe(200);
      expect(yield* Effect.promise(() => presign("after"))).toBe(400);
      expect(yield* Effect.promise(readiness)).toMatchObject({
        status: "degraded",
        parts: { policies: { state: "failing", reason: expect.stringContaining(reason) } },
      });
    }
    yield* change({ before: {} }, "was read");
    const { status, parts } = yield* Effect.promise(readiness);
    expect([status, parts.policies]).toEqual(["ready", { ...state, state: "ok" }]);
  }),
);
