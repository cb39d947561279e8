import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { TestClock } from "effect/testing";
import { describe, expect, it } from "vitest";
import { Events } from "../../application/ports/events.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import type { UploadPolicy } from "../../domain/upload-policy.ts";
import { embedded, PRESIGN, startService } from "./service.ts";

// Where completing an upload, or a copy, may replace an object, what it makes can change for as long as
// the URLs of the upload work.

/** A service over the embedded store, which replaces objects as `state` says. */
async function start(policy: Partial<UploadPolicy>) {
  const store = embedded();
  const state = { completesOnce: true, copiesOnce: true };
  const finals: Array<boolean> = [];
  const clock = await Effect.runPromise(Effect.scoped(TestClock.make()));
  await Effect.runPromise(clock.setTime(Date.now()));
  const storage = Layer.effect(
    ObjectStore,
    Effect.map(ObjectStore, (all) => ({
      ...all,
      completesOnce: () => state.completesOnce,
      copiesOnce: () => state.copiesOnce,
    })),
  ).pipe(
    Layer.provideMerge(store.layer),
    Layer.merge(Layer.succeed(Clock.Clock, clock)),
    Layer.merge(
      Layer.succeed(Events, {
        publish: (event) =>
          Effect.sync(() => {
            if (event.type === "upload.confirmed") finals.push(event.data.final);
          }),
        check: Effect.void,
      }),
    ),
  );
  const { send } = await startService({ storage, policy: { verifyContent: false, ...policy } });
  const ask = async (action: string, body: object) =>
    (await send(PRESIGN.replace("presign", action), body)).body;
  const file = { filename: "a.png", content_type: "image/png", size: 5 };
  return {
    state,
    finals,
    confirm: (receipt: string) => ask("confirm", { receipt }),
    put: async () => {
      const { put_url, put_headers, receipt } = await ask("presign", file);
      await store.put(put_url, put_headers);
      return ask("confirm", { receipt }).then((answer) => ({ ...answer, receipt }));
    },
    parts: async () => {
      const { upload } = await ask("multipart", file);
      const { parts } = await ask("multipart/parts", { upload, part_numbers: [1] });
      const etag = await store.put(parts[0].url, parts[0].headers);
      return ask("multipart/complete", { upload, parts: [{ part_number: 1, etag }] });
    },
    /** Lets time pass until an instant. */
    passUntil: (instant: string) => Effect.runPromise(clock.setTime(Date.parse(instant))),
  };
}

describe.each([
  ["a file in parts", {}, "parts", "completesOnce", "copiesOnce"],
  ["a file in parts that waited", { arrival: "incoming" }, "parts", "copiesOnce", "completesOnce"],
  ["an upload that waited", { arrival: "incoming" }, "put", "copiesOnce", "completesOnce"],
  [
    "a strict upload that waited",
    { arrival: "incoming", strict: true },
    "put",
    "copiesOnce",
    "completesOnce",
  ],
  [
    "a write-once upload that waited",
    { arrival: "incoming", writeOnce: true },
    "put",
    "copiesOnce",
    "completesOnce",
  ],
] as const)("%s", (_what, policy, how, needed, other) => {
  it(`is final only when its URLs have ended, without ${needed}`, async () => {
    const service = await start(policy);
    service.state[needed] = false;
    const { final, receipt, mutable_until } = await service[how]();
    expect([final, service.finals]).toEqual([false, [false]]);
    expect(await service.confirm(receipt)).toMatchObject({ final: false, mutable_until });
    await service.passUntil(new Date(Date.parse(mutable_until) - 1).toISOString());
    expect(await service.confirm(receipt)).toMatchObject({ final: false });
    await service.passUntil(mutable_until);
    expect(await service.confirm(receipt)).toMatchObject({ final: true });
    expect(service.finals).toEqual([false, false, false, true]);
  });

  it(`is final at once with ${needed} alone, and confirming again says so`, async () => {
    const service = await start(policy);
    service.state[other] = false;
    const { final, receipt } = await service[how]();
    expect([final, service.finals]).toEqual([true, [true]]);
    expect(await service.confirm(receipt)).toMatchObject({ final: true });
  });
});

it("a write-once PUT of a file is final also where completing may replace an object", async () => {
  const service = await start({ writeOnce: true });
  Object.assign(service.state, { completesOnce: false, copiesOnce: false });
  expect(await service.put()).toMatchObject({ final: true });
});
