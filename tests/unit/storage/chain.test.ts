import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { type Chain, signerFromChain } from "../../../adapters/storage/aws/chain.ts";

const KEYS = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "secret" };
const END = new Date(Date.UTC(2026, 10, 24, 12));
const LATER = new Date(END.getTime() + 600_000);

const signerOf = (answer: Awaited<ReturnType<Chain>>) => signerFromChain(() => async () => answer);

it.effect("an expiry that the chain has postponed is ignored", () =>
  Effect.gen(function* () {
    const put = yield* signerOf({ ...KEYS, expiration: LATER, originalExpiration: END });
    expect(put.expiresAt).toBe(END.getTime());
    const plain = yield* signerOf({ ...KEYS, expiration: LATER });
    expect(plain.expiresAt).toBe(LATER.getTime());
  }),
);

it.effect("a chain that hangs does not stop the next one", () =>
  Effect.gen(function* () {
    let made = 0;
    const signer = signerFromChain(() => {
      const isFirst = made++ === 0;
      return () => (isFirst ? new Promise(() => undefined) : Promise.resolve(KEYS));
    });
    yield* Effect.forkChild(signer);
    yield* Effect.yieldNow;
    expect((yield* signer).keys.accessKey).toBe(KEYS.accessKeyId);
  }),
);
