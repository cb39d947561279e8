import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { certificateWarning } from "../../storage/certificate/in-use.ts";
import { PROVIDERS, type Provider } from "../../storage/s3/providers.ts";
import { check } from "./doctor.ts";

/** Reports how the store's abilities are known. */
export const certificate = check("certificate", function* (doctor, report) {
  const { s3, store } = doctor;
  const { passed, unknown } = report;
  if (s3 === undefined) return;
  const looked = yield* Effect.result(store.checkState ?? Effect.void);
  if (looked._tag === "Failure") {
    const why = "Whoever holds a URL can replace the file, also after it was confirmed.";
    doctor.report("write-once").failed(looked.failure.reason, why, OTHER_STATE);
  }
  const now = yield* Clock.currentTimeMillis;
  const { facts, abilities = [] } = s3.certificate ?? {};
  const warning = certificateWarning(s3.certificate, now);
  if (warning !== undefined) return unknown(warning);
  if (facts !== undefined) {
    const days = Math.max(0, Math.floor((now - Date.parse(facts.date)) / DAY));
    return passed(`in use: ${facts.name}, ${days} days old, of ${[...abilities].join(", ")}`);
  }
  const { title, certified, unproved }: Provider = PROVIDERS[s3.provider];
  const seen = certified && `${title} ${certified.server} was seen to keep`;
  const known = unproved === undefined ? `${title} documents` : "every server of S3's API does";
  return passed(
    `none is in use; what ${seen ?? known} counts. What yours keeps besides, perhaps checksums, write-once, incoming, and files in parts that are final at once, is shown by \`valetkey certify --output certificate.json\`, and used by STORAGE_CERTIFICATE=certificate.json`,
  );
});

const OTHER_STATE =
  "suspend its versions, or set STORAGE_BUCKET to another; if it is unknown, allow what is missing";

const DAY = 24 * 60 * 60 * 1000;
