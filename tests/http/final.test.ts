import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { TestClock } from "effect/testing";
import { describe, expect, it } from "vitest";
import { type Ability, abilitiesWithout } from "../../application/ports/abilities.ts";
import { Events } from "../../application/ports/events.ts";
import type { UploadPolicy } from "../../domain/upload-policy.ts";
import { embedded, PRESIGN, startService, withStore, FILE } from "./service.ts";

// Where completing an upload, or a copy, may replace an object, what it makes can change for as long as
// the URLs of the upload work.

/** A service over the embedded store, which lacks some abilities. */
async function start(policy: Partial<UploadPolicy>, ...lacks: ReadonlyArray<Ability>) {
  const store = embedded();
  const finals: Array<boolean> = [];
  const clock = await Effect.runPromise(Effect.scoped(TestClock.make()));
  await Effect.runPromise(clock.setTime(Date.now()));
  const abilities = abilitiesWithout(...lacks);
  const storage = withStore(store.layer, (all) => ({ ...all, abilities })).pipe(
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
  return {
    finals,
    confirm: (receipt: string) => ask("confirm", { receipt }),
    put: async () => {
      const { put_url, put_headers, receipt } = await ask("presign", FILE);
      await store.put(put_url, put_headers);
      return ask("confirm", { receipt }).then((answer) => ({ ...answer, receipt }));
    },
    parts: async () => {
      const { upload } = await ask("multipart", FILE);
      const { parts } = await ask("multipart/parts", { upload, part_numbers: [1] });
      const etag = await store.put(parts[0].url, parts[0].headers);
      return ask("multipart/complete", { upload, parts: [{ part_number: 1, etag }] });
    },
    /** Lets time pass until an instant. */
    passUntil: (instant: string) => Effect.runPromise(clock.setTime(Date.parse(instant))),
  };
}

describe.each([
  ["a file in parts", {}, "parts", "completes once", "copies once"],
  [
    "a file in parts that waited",
    { arrival: "incoming" },
    "parts",
    "copies once",
    "completes once",
  ],
  ["an upload that waited", { arrival: "incoming" }, "put", "copies once", "completes once"],
  [
    "a strict upload that waited",
    { arrival: "incoming", strict: true },
    "put",
    "copies once",
    "completes once",
  ],
  [
    "a write-once upload that waited",
    { arrival: "incoming", writeOnce: true },
    "put",
    "copies once",
    "completes once",
  ],
] as const)("%s", (_what, policy, how, needed, other) => {
  it(`is final only when its URLs have ended, without ${needed}`, async () => {
    const service = await start(policy, needed);
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
    const service = await start(policy, other);
    const { final, receipt } = await service[how]();
    expect([final, service.finals]).toEqual([true, [true]]);
    expect(await service.confirm(receipt)).toMatchObject({ final: true });
  });
});

it("a write-once PUT of a file is final also where completing may replace an object", async () => {
  const service = await start({ writeOnce: true }, "completes once", "copies once");
  expect(await service.put()).toMatchObject({ final: true });
});
