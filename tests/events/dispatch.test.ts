import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as TestClock from "effect/testing/TestClock";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeReadinessCheck } from "../../application/check-readiness.ts";
import { Events } from "../../application/ports/events.ts";
import { Limiter } from "../../application/ports/limiter.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { EventsUnavailable } from "../../domain/errors.ts";
import { OrganizationId } from "../../domain/organization.ts";
import { StorageKey } from "../../domain/storage-key.ts";
import type { UploadEvent } from "../../domain/upload-event.ts";
import { dispatch } from "../../adapters/events/dispatch.ts";
import { makeEvents } from "../../adapters/events/events.ts";
import type { Outbox } from "../../adapters/events/outbox.ts";
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

it.effect("readiness tells of a queue that cannot keep events as soon as a confirm does", () =>
  Effect.gen(function* () {
    let answer: Effect.Effect<void, EventsUnavailable> = Effect.void;
    let waiting = 0;
    const asked = Effect.suspend(() => answer);
    const outbox = {
      put: () => asked,
      claim: Effect.as(asked, undefined),
      check: asked,
      counts: Effect.sync(() => ({ waiting, dead: 0 })),
      forget: Effect.void,
    } as unknown as Outbox;
    const events = yield* makeEvents({
      outbox,
      deliver: async () => ({ status: 204, retryAfter: undefined }),
      address: () => "",
    });
    const readiness = yield* makeReadinessCheck("2 seconds", events.hasFailed);
    const state = readiness.pipe(
      Effect.provideService(Events, events),
      Effect.provideService(Presigner, { get: () => Effect.void } as never),
      Effect.provideService(ObjectStore, { ensureBucket: Effect.void } as never),
      Effect.provideService(Limiter, { check: Effect.void } as never),
      Effect.map((parts) => parts.events?.reason ?? parts.events?.state),
    );
    const publish = Effect.exit(events.publish(REMOVED));
    yield* publish;
    expect(yield* state).toBe("ok");
    answer = Effect.fail(new EventsUnavailable({ reason: "it is down" }));
    yield* publish;
    expect(yield* state, "after a publish").toBe("it is down");
    answer = Effect.void;
    yield* TestClock.adjust("6 seconds");
    expect(yield* state).toBe("ok");
    answer = Effect.fail(new EventsUnavailable({ reason: "it is down" }));
    yield* TestClock.adjust("2 seconds");
    expect(yield* state, "where another process publishes").toBe("it is down");
    answer = Effect.void;
    waiting = 100_000;
    yield* TestClock.adjust("6 seconds");
    expect(yield* state).toContain("is full");
  }),
);

const REMOVED: UploadEvent = {
  type: "upload.removed",
  slug: "acme",
  data: {
    key: StorageKey.make("orgs/a/files/2026/11/00000000-0000-4000-8000-000000000000.txt"),
    organization: OrganizationId.make("a"),
    subject: "mia",
  },
};
