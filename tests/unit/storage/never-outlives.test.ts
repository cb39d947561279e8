import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as TestClock from "effect/testing/TestClock";
import fc from "fast-check";
import { generateKeyPairSync } from "node:crypto";
import { expect, it } from "vitest";
import { getRequest, newKey, putRequest } from "../../../adapters/contract/sending/uploads.ts";
import { makeClient } from "../../../adapters/storage/aws/client.ts";
import { sdkSigner } from "../../../adapters/storage/aws/sdk-signer.ts";
import { hold } from "../../../adapters/storage/credentials/held.ts";
import {
  AWS4_HMAC_SHA256,
  GOOG4_HMAC_SHA256,
  GOOG4_RSA_SHA256,
} from "../../../adapters/storage/signing/algorithms.ts";
import {
  s3Binding,
  s3Overrides,
  s3PartBinding,
} from "../../../adapters/storage/signing/binding.ts";
import { bucketAddress } from "../../../adapters/storage/signing/bucket-address.ts";
import { type Signer, signWith } from "../../../adapters/storage/signing/signer.ts";
import { urlPresigner } from "../../../adapters/storage/signing/url-presigner.ts";
import { abilitiesWithout } from "../../../application/ports/abilities.ts";
import { Lifetime } from "../../../domain/lifetime.ts";
import { PartNumber } from "../../../domain/multipart.ts";

const endpoint = new URL("https://store.example.com");
const region = "us-east-1";
const address = bucketAddress({ endpoint, bucket: "files", pathStyle: true, signsPath: true });
const secret = { accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: "a-secret" };
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const awsKey = (end: number | undefined) =>
  signWith({ algorithm: AWS4_HMAC_SHA256, ...secret }, end);
const googleKey = { algorithm: GOOG4_HMAC_SHA256, ...secret };

type End = number | undefined;
const native = (signerUntil: (end: End) => Signer) => (end: End) =>
  hold(Effect.sync(() => signerUntil(end)));

/** Signers whose keys end then. */
const SIGNERS = {
  "AWS, native": native(awsKey),
  "AWS, official": Effect.fnUntraced(function* (end: End) {
    const client = makeClient({ region, endpoint, pathStyle: true });
    const officially = yield* sdkSigner(client, { signingName: "s3", signingRegion: region });
    return officially(yield* hold(Effect.sync(() => awsKey(end))));
  }),
  "Google, HMAC": native((end) => signWith(googleKey, end)),
  "Google, RSA": native((end) =>
    signWith({ algorithm: GOOG4_RSA_SHA256, accessKey: "a@b", secretKey: privateKey }, end),
  ),
  "Google, keyless": native((end) => ({ ...signWith(googleKey, end), longestLife: 43_200 })),
};

const seconds = fc.integer({ min: 1, max: 604_800 });
const given = fc.record({
  method: fc.constantFrom("put", "get", "part"),
  provider: fc.constantFrom(...Object.keys(SIGNERS)) as fc.Arbitrary<keyof typeof SIGNERS>,
  now: fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2090, 0) }),
  // Milliseconds from now; often around the lifetimes below.
  life: fc.option(
    fc.oneof(
      fc.integer({ min: -5000, max: 200_000 }),
      fc.integer({ min: -5000, max: 800_000_000 }),
    ),
    { nil: undefined },
  ),
  lifetime: fc.oneof(fc.integer({ min: 1, max: 120 }), seconds),
  minLifetime: fc.oneof(fc.integer({ min: 1, max: 120 }), seconds),
});

it("no signed URL outlives its credentials, and none is made with too short a lifetime", async () => {
  let signed = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(given, async ({ method, provider, now, life, lifetime, minLifetime }) => {
      const end = life === undefined ? undefined : now + life;
      const exit = await Effect.gen(function* () {
        yield* TestClock.setTime(now);
        const signer = yield* SIGNERS[provider](end);
        const presigner = urlPresigner({
          addresses: { public: address, internal: address },
          region,
          binding: s3Binding(abilitiesWithout()),
          overrides: s3Overrides,
          signers: { put: signer, get: signer },
          parts: { binding: s3PartBinding },
        });
        const lives = {
          lifetime: Lifetime.make(Duration.seconds(lifetime)),
          minLifetime: Lifetime.make(Duration.seconds(minLifetime)),
        };
        const put = { ...putRequest(), ...lives };
        if (method === "get") return yield* presigner.get({ ...getRequest(newKey()), ...lives });
        if (method === "put") return yield* presigner.put(put);
        const part = { ...put, uploadId: "an-upload", partNumber: PartNumber.make(1) };
        return yield* presigner.part?.(part) ?? Effect.die("no parts");
      }).pipe(Effect.scoped, Effect.provide(TestClock.layer()), Effect.runPromiseExit);

      const cap = provider === "Google, keyless" ? 43_200 : Infinity;
      const needed = Math.min(lifetime, minLifetime);
      const enough = (life ?? Infinity) >= needed * 1000 && needed <= cap;
      expect(Exit.isSuccess(exit)).toBe(enough);
      if (Exit.isFailure(exit)) {
        refused++;
        expect(Exit.findErrorOption(exit)).toMatchObject({
          value: { _tag: "CredentialsUnavailable" },
        });
        return;
      }
      signed++;
      const stops = DateTime.toEpochMillis(exit.value.expiresAt);
      expect(stops).toBe(endOfUrl(exit.value));
      // Whole seconds are lost at both ends, and nothing more.
      const asked = Math.min(lifetime * 1000, life ?? Infinity, cap * 1000);
      expect(stops).toBeLessThanOrEqual(now + asked);
      expect(stops).toBeGreaterThan(now + asked - 2000);
    }),
    { numRuns: 600 },
  );
  expect(signed).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(50);
});

/** The end as the store reads it, in milliseconds since 1970. */
function endOfUrl({ url }: { readonly url: string }): number {
  const query = new URL(url).searchParams;
  const parameter = (name: string) =>
    query.get(`X-Amz-${name}`) ?? query.get(`X-Goog-${name}`) ?? "";
  const date = parameter("Date").replace(
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/,
    "$1-$2-$3T$4:$5:$6Z",
  );
  return Date.parse(date) + Number(parameter("Expires")) * 1000;
}
