import * as Effect from "effect/Effect";
import type { PutRequest } from "../../../application/ports/presigner.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { digest } from "../../storage/contract/digest.ts";
import { CHECKSUM_HEADERS } from "../../storage/signing/binding.ts";
import { BYTES, check, type Doctor, OTHER_BYTES, type StoreAnswer } from "./doctor.ts";
import type { Report } from "./finding.ts";

/** Tries what the store has to refuse, according to the configuration. */
export const promises = (doctor: Doctor): Effect.Effect<unknown> =>
  Effect.all([
    another(doctor, "a PUT of another type", {}, { headers: { "Content-Type": HTML } }),
    another(doctor, "a PUT that is one byte longer", { strict: true }, { body: LONGER }),
    another(doctor, "a PUT that is one byte shorter", { strict: true }, { body: SHORTER }),
    ...doctor.presigner.checksums.map((algorithm) => otherBytes(doctor, algorithm)),
    replay(doctor),
  ]);

const HTML = MediaType.make("text/html");
const LONGER = Buffer.concat([BYTES, new Uint8Array(1)]);
const SHORTER = BYTES.subarray(1);

/** A PUT that differs from its grant. */
const another = check(
  "promise",
  function* (
    doctor,
    report,
    promise: string,
    granted: Partial<PutRequest>,
    sent: NonNullable<Parameters<Doctor["put"]>[1]>,
  ) {
    const signed = yield* doctor.signPut(granted);
    judge(doctor, report, promise, yield* doctor.put(signed, sent));
  },
);

const otherBytes = check(
  "promise",
  function* (doctor, report, algorithm: keyof typeof CHECKSUM_HEADERS) {
    const checksum = { algorithm, value: digest(algorithm, BYTES) };
    const signed = yield* doctor.signPut({ checksum });
    const promise = `a PUT of other bytes than its ${algorithm} says`;
    const wrong = yield* doctor.put(signed, { body: OTHER_BYTES });
    if (wrong.ok) return judge(doctor, report, promise, wrong);
    const right = yield* doctor.put(signed);
    if (right.ok) return report.passed(`${promise} is refused`);
    return refusedAlways(doctor, report, right, {
      header: CHECKSUM_HEADERS[algorithm],
      seen: `a PUT of the right bytes with their ${algorithm} is refused (${right.told})`,
      why: `${doctor.provider} is configured, which verifies ${algorithm}; this store does not take it.`,
    });
  },
);

const replay = check("promise", function* (doctor, report) {
  const signed = yield* doctor.signPut({ strict: true });
  if (!signed.isOnce) {
    return yield* Effect.match(doctor.store.writeOnce?.look ?? Effect.void, {
      onSuccess: () => undefined,
      onFailure: ({ reason }) =>
        report.failed(
          reason,
          "Whoever holds a URL can replace the file, also after it was confirmed.",
          "suspend its versions, or set STORAGE_BUCKET to another; if it is unknown, allow what is missing",
        ),
    });
  }
  const first = yield* doctor.put(signed);
  if (!first.ok) {
    return refusedAlways(doctor, report, first, {
      header: "If-None-Match",
      seen: `a write-once PUT is refused (${first.told})`,
      why: `${doctor.provider} is configured, which takes If-None-Match; this store does not.`,
    });
  }
  const second = yield* doctor.put(signed, { body: OTHER_BYTES });
  return judge(doctor, report, "a second PUT by a write-once URL", second);
});

const isLeast = ({ s3 }: Doctor) => s3?.provider === "s3";

const mendFor = (doctor: Doctor) =>
  isLeast(doctor)
    ? "update the store, or use another one: STORAGE_PROVIDER=s3 promises the least there is"
    : "set STORAGE_PROVIDER to the store that this is, or to s3, which promises the least";

function judge(doctor: Doctor, report: Report, promise: string, { ok, told }: StoreAnswer): void {
  if (!ok) return report.passed(`${promise} is refused`);
  const expected = isLeast(doctor)
    ? "Every server of S3's API should refuse it"
    : `${doctor.provider} is configured, which promises to refuse it`;
  return report.failed(
    `${promise} was accepted (${told})`,
    `${expected}; this store does not, so whoever holds a URL can store something else than was granted.`,
    mendFor(doctor),
  );
}

/** Reports a PUT that should be accepted: the header was lost on the way, or is not supported. */
function refusedAlways(
  doctor: Doctor,
  report: Report,
  { code, message, told }: StoreAnswer,
  { header, seen, why }: Readonly<Record<"header" | "seen" | "why", string>>,
): void {
  if (code !== "SignatureDoesNotMatch" && !message.includes("not signed")) {
    return report.failed(seen, why, mendFor(doctor));
  }
  return doctor
    .report("proxy")
    .failed(
      `a signed ${header} does not arrive as it was sent (${told}): something on the way removes or changes it`,
      "Every upload that is bound by it fails.",
      `let the proxy in front of the store pass ${header} on`,
    );
}
