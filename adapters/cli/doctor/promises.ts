import * as Effect from "effect/Effect";
import type { Audience, PutRequest } from "../../../application/ports/presigner.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { digest } from "../../storage/contract/digest.ts";
import type { Answer } from "../../storage/contract/send.ts";
import { refusalIn } from "../../storage/rest/refusal-reason.ts";
import { CHECKSUM_HEADERS } from "../../storage/signing/binding.ts";
import { failed, type Finding, type Findings, passed } from "./finding.ts";
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
            : (lost(right, CHECKSUM_HEADERS[algorithm]) ??
              failed(
                "promise",
                `a PUT of the right bytes with their ${algorithm} is refused (${told(right)})`,
                `${settings.provider} is configured, which verifies ${algorithm}; this store does not take it.`,
                mend,
              )),
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
              "suspend its versions, or set STORAGE_BUCKET to another; if it is unknown, allow what is missing",
            ),
          ],
        });
      }
      const promise = "a second PUT by a write-once URL";
      const first = yield* target.put(signed);
      if (!first.ok) {
        return [
          lost(first, "If-None-Match") ??
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

/**
 * That a signed header does not arrive, where that is why a PUT was refused: the same without it
 * was accepted.
 */
function lost(answer: Answer, header: string): Finding | undefined {
  const { code, message = "" } = refusalIn({
    status: answer.status,
    text: answer.body.toString(),
  });
  return code === "SignatureDoesNotMatch" || message.includes("not signed")
    ? failed(
        "proxy",
        `a signed ${header} does not arrive as it was sent (${told(answer)}): something on the way removes or changes it`,
        "Every upload that is bound by it fails.",
        `let what stands in front of the store pass ${header} on`,
      )
    : undefined;
}

const kept = (promise: string) => passed("promise", `${promise} is refused`);
