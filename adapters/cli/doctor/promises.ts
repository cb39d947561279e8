import * as Effect from "effect/Effect";
import type { PutRequest } from "../../../application/ports/presigner.ts";
import { checksumFor } from "../../storage/contract/digest.ts";
import { CHECKSUM_HEADERS } from "../../storage/signing/binding.ts";
import { BYTES, check, type Doctor, OTHER_BYTES } from "./doctor.ts";

/** Tries what the store has to refuse, according to the configuration. */
export const promises = (doctor: Doctor): Effect.Effect<unknown> =>
  Effect.all([
    ...DIFFERENT.map((different) => refused(doctor, different)),
    ...doctor.presigner.checksums.map((algorithm) =>
      refused(doctor, {
        promise: `a PUT of other bytes than its ${algorithm} says`,
        granted: { checksum: checksumFor(algorithm, BYTES) },
        sent: { body: OTHER_BYTES },
        feature: {
          use: `a PUT of the right bytes with their ${algorithm}`,
          header: CHECKSUM_HEADERS[algorithm],
          claim: `verifies ${algorithm}; this store does not take it`,
        },
      }),
    ),
    writeOnce(doctor),
  ]);

interface Different {
  readonly promise: string;
  readonly granted: Partial<PutRequest>;
  readonly sent: NonNullable<Parameters<Doctor["put"]>[1]>;
  /** Tried first, by a PUT that does not differ, where not every store has it. */
  readonly feature?: { readonly use: string; readonly header: string; readonly claim: string };
}

const HTML = { "Content-Type": "text/html" };
const LONGER = Buffer.concat([BYTES, new Uint8Array(1)]);
const SHORTER = BYTES.subarray(1);

const DIFFERENT: ReadonlyArray<Different> = [
  { promise: "a PUT of another type", granted: {}, sent: { headers: HTML } },
  { promise: "a PUT that is one byte longer", granted: { strict: true }, sent: { body: LONGER } },
  { promise: "a PUT that is one byte shorter", granted: { strict: true }, sent: { body: SHORTER } },
];

const refused = check(
  "promise",
  function* (doctor, report, { promise, granted, sent, feature }: Different) {
    const { provider, s3, signPut, put } = doctor;
    const isLeast = s3?.provider === "s3";
    const mend = isLeast
      ? "update the store, or use another one: STORAGE_PROVIDER=s3 promises the least there is"
      : "set STORAGE_PROVIDER to the store that this is, or to s3, which promises the least";
    const signed = yield* signPut(granted);
    if (feature !== undefined) {
      const { use, header, claim } = feature;
      const { ok, code, message, told } = yield* put(signed);
      if (!ok && (code === "SignatureDoesNotMatch" || message.includes("not signed"))) {
        const seen = `a signed ${header} does not arrive as it was sent (${told}): something on the way removes or changes it`;
        const why = "Every upload that is bound by it fails.";
        const mend = `let the proxy in front of the store pass ${header} on`;
        return doctor.report("proxy").failed(seen, why, mend);
      }
      if (!ok) {
        const why = `${provider} is configured, which ${claim}.`;
        return report.failed(`${use} is refused (${told})`, why, mend);
      }
    }
    const { ok, told } = yield* put(signed, sent);
    if (!ok) return report.passed(`${promise} is refused`);
    const expected = isLeast
      ? "Every server of S3's API should refuse it"
      : `${provider} is configured, which promises to refuse it`;
    return report.failed(
      `${promise} was accepted (${told})`,
      `${expected}; this store does not, so whoever holds a URL can store something else than was granted.`,
      mend,
    );
  },
);

const writeOnce = check("promise", function* (doctor, report) {
  if ((yield* doctor.signPut({ strict: true })).isOnce) {
    return yield* refused(doctor, {
      promise: "a second PUT by a write-once URL",
      granted: { strict: true },
      sent: { body: OTHER_BYTES },
      feature: {
        use: "a write-once PUT",
        header: "If-None-Match",
        claim: "takes If-None-Match; this store does not",
      },
    });
  }
  return yield* Effect.match(doctor.store.writeOnce?.look ?? Effect.void, {
    onSuccess: () => undefined,
    onFailure: ({ reason }) =>
      report.failed(
        reason,
        "Whoever holds a URL can replace the file, also after it was confirmed.",
        "suspend its versions, or set STORAGE_BUCKET to another; if it is unknown, allow what is missing",
      ),
  });
});
