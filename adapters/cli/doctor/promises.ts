import * as Effect from "effect/Effect";
import type { Audience, PutRequest } from "../../../application/ports/presigner.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { digest } from "../../storage/contract/checksum.ts";
import type { Answer } from "../../storage/contract/send.ts";
import { failed, type Findings, passed } from "./finding.ts";
import { told } from "./store-answer.ts";
import { BYTES, check, OTHER_BYTES, type Target } from "./target.ts";

/** Whether the store enforces what the configuration says that it does. */
export const promises = (
  target: Target,
  audience: Audience,
  settings: { readonly provider: string },
): Effect.Effect<Findings> => {
  const isLeast = target.s3?.provider === "s3";
  const mend = isLeast
    ? "update the store, or use another one: STORAGE_PROVIDER=s3 promises the least there is"
    : "set STORAGE_PROVIDER to the store that this is, or to s3, which promises the least";
  const broken = (promise: string, answer: Answer) =>
    failed(
      "promise",
      `${promise} was accepted (${told(answer)})`,
      `${isLeast ? "Every server of S3's API should refuse it" : `${settings.provider} is configured, which promises to refuse it`}; this store does not, so whoever holds a URL can store something else than was granted.`,
      mend,
    );
  const put = Effect.fnUntraced(function* (over: Partial<PutRequest> = {}) {
    return yield* target.signPut(yield* target.newKey, { audience, ...over });
  });
  /** A PUT that differs from its grant has to be refused. */
  const differs = (
    promise: string,
    over: Partial<PutRequest>,
    sent: NonNullable<Parameters<Target["put"]>[1]>,
  ) =>
    check(
      "promise",
      Effect.gen(function* () {
        const answer = yield* target.put(yield* put(over), sent);
        return [answer.ok ? broken(promise, answer) : kept(promise)];
      }),
    );
  const checksums = target.presigner.checksums.map((algorithm) =>
    check(
      "promise",
      Effect.gen(function* () {
        const checksum = { algorithm, value: digest(algorithm, BYTES) };
        const signed = yield* put({ checksum });
        const promise = `a PUT of other bytes than its ${algorithm} says`;
        const wrong = yield* target.put(signed, { body: OTHER_BYTES });
        if (wrong.ok) return [broken(promise, wrong)];
        const right = yield* target.put(signed);
        return [
          right.ok
            ? kept(promise)
            : failed(
                "promise",
                `a PUT of the right bytes with their ${algorithm} is refused (${told(right)})`,
                `${settings.provider} is configured, which verifies ${algorithm}; this store does not take it.`,
                mend,
              ),
        ];
      }),
    ),
  );
  const replay = check(
    "promise",
    Effect.gen(function* () {
      const signed = yield* put({ strict: true });
      if (!signed.isOnce) {
        return yield* Effect.match(target.store.writeOnce?.look ?? Effect.void, {
          onSuccess: () => [],
          onFailure: ({ reason }) => [
            failed(
              "promise",
              reason,
              "Whoever holds a URL can replace the file, also after it was confirmed.",
              "valetkey certify says what the bucket keeps as it is",
            ),
          ],
        });
      }
      const promise = "a second PUT by a write-once URL";
      const first = yield* target.put(signed);
      if (!first.ok) {
        return [
          failed(
            "promise",
            `a write-once PUT is refused (${told(first)})`,
            `${settings.provider} is configured, which takes If-None-Match; this store does not.`,
            mend,
          ),
        ];
      }
      const second = yield* target.put(signed, { body: OTHER_BYTES });
      return [second.ok ? broken(promise, second) : kept(promise)];
    }),
  );
  const size = { strict: true };
  const longer = Buffer.concat([BYTES, new Uint8Array(1)]);
  return Effect.all([
    differs(
      "a PUT of another type",
      {},
      { headers: { "Content-Type": MediaType.make("text/html") } },
    ),
    differs("a PUT that is one byte longer", size, { body: longer }),
    differs("a PUT that is one byte shorter", size, { body: BYTES.subarray(1) }),
    ...checksums,
    replay,
  ]).pipe(Effect.map((findings) => findings.flat()));
};

const kept = (promise: string) => passed("promise", `${promise} is refused`);
