import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import { TestClock } from "effect/testing";
import { expect, it } from "vitest";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { isIncomingKey, type ObjectKey } from "../../domain/storage-key.ts";
import { embedded, PRESIGN, startService, FILE } from "./service.ts";

/** Of what is sent. */
const SHA_256 = { algorithm: "sha256", value: "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=" };

/** A service over the embedded store, whose copies wait until they are let go. */
async function start() {
  const store = embedded();
  const reached = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const seen = { copies: 0 };
  const slow = Effect.map(ObjectStore, ({ copies, ...store }) => {
    if (copies === undefined) return store;
    return {
      ...store,
      // As in S3, a copy has no checksum.
      head: (key: ObjectKey) =>
        Effect.map(
          store.head(key),
          Option.map((facts) => (isIncomingKey(key) ? facts : { ...facts, checksums: {} })),
        ),
      copies: {
        ...copies,
        copy: (upload: Parameters<typeof copies.copy>[0]) => {
          seen.copies += 1;
          reached.resolve();
          return Effect.andThen(
            Effect.promise(() => gate.promise),
            copies.copy(upload),
          );
        },
      },
    };
  });
  const clock = await Effect.runPromise(Effect.scoped(TestClock.make()));
  await Effect.runPromise(clock.setTime(Date.now()));
  const storage = Layer.effect(ObjectStore, slow).pipe(
    Layer.provideMerge(store.layer),
    Layer.merge(Layer.succeed(Clock.Clock, clock)),
  );
  const policy = { arrival: "incoming", verifyContent: false } as const;
  const { send } = await startService({ storage, policy });
  const ask = (action: string, body: object) => send(PRESIGN.replace("presign", action), body);
  return {
    seen,
    ask,
    /** Sends a file; returns the calls that make it the file. */
    send: {
      confirm: async () => {
        const { put_url, put_headers, receipt } = (
          await ask("presign", { ...FILE, checksum: SHA_256 })
        ).body;
        await store.put(put_url, put_headers);
        return () => ask("confirm", { receipt });
      },
      "multipart/complete": async () => {
        const { upload } = (await ask("multipart", FILE)).body;
        const { parts } = (await ask("multipart/parts", { upload, part_numbers: [1] })).body;
        const etag = await store.put(parts[0].url, parts[0].headers);
        return () => ask("multipart/complete", { upload, parts: [{ part_number: 1, etag }] });
      },
    },
    /** The status of a file by its address of the API. */
    open: async (url: string) => {
      const location = (await send(new URL(url).pathname)).headers.get("location");
      const answer = await store.fetch(new Request(location ?? ""));
      return [answer.status, answer.status === 200 && (await answer.text())];
    },
    reached: reached.promise,
    letGo: gate.resolve,
    /** Lets as much time pass as a request waits. */
    pass: () => Effect.runPromise(clock.adjust("15 seconds")),
  };
}

it.each(["confirm", "multipart/complete"] as const)(
  "a %s whose copy takes long is answered with 202, and the next ones wait for the same copy",
  async (action) => {
    const { send, reached, pass, letGo, seen, open } = await start();
    const confirm = await send[action]();
    const first = confirm();
    await reached;
    await pass();
    const { status, headers, body } = await first;
    expect([status, body.code, body.state]).toEqual([202, "UPLOAD_PENDING", "copying"]);
    expect(headers.get("content-type")).toBe("application/problem+json");
    expect(headers.get("retry-after")).toBe("5");
    const second = confirm();
    letGo();
    const confirmed = await second;
    expect(confirmed).toMatchObject({ status: 200, body: { final: true, size: 5 } });
    expect(confirmed.body.checksum).toEqual(action === "confirm" ? SHA_256 : undefined);
    expect((await confirm()).body).toEqual(confirmed.body);
    expect(seen.copies).toBe(1);
    expect(await open(confirmed.body.file_url)).toEqual([200, "hello"]);
  },
);
