import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as TestClock from "effect/testing/TestClock";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dispatch } from "../../adapters/events/dispatch.ts";
import { sqliteOutbox } from "../../adapters/events/sqlite-outbox.ts";

it.effect("an attempt that hangs has failed before another process may make the next", () =>
  Effect.gen(function* () {
    const folder = mkdtempSync(join(tmpdir(), "valetkey-events-"));
    yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })));
    const outbox = yield* sqliteOutbox(folder);
    yield* outbox.put({ id: "evt_a", lane: "a", body: "{}" });
    const signals: Array<AbortSignal> = [];
    const hang = (signal: AbortSignal) => {
      signals.push(signal);
      return new Promise<never>(() => undefined);
    };
    yield* dispatch(outbox, (_, { signal }) => hang(signal));
    yield* TestClock.adjust("49 seconds");
    expect(yield* outbox.find("evt_a")).toMatchObject({ attempts: 1, failure: null });
    yield* TestClock.adjust("1 second");
    expect(yield* outbox.find("evt_a")).toMatchObject({
      state: "waiting",
      attempts: 1,
      failure: "there was no answer within 50 seconds",
    });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  }),
);
