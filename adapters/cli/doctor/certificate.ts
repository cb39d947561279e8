import * as Clock from "effect/Clock";
import { certificateWarning } from "../../storage/certificate/in-use.ts";
import { PROVIDERS, type Provider } from "../../storage/providers.ts";
import { check } from "./doctor.ts";

/** Tells how it is known what the store keeps. */
export const certificate = check("certificate", function* ({ s3 }, { passed, unknown }) {
  if (s3 === undefined) return;
  const now = yield* Clock.currentTimeMillis;
  const { facts } = s3.certificate ?? {};
  const warning = certificateWarning(s3, now);
  if (warning !== undefined) return unknown(warning);
  if (facts !== undefined) {
    const days = Math.max(0, Math.floor((now - Date.parse(facts.date)) / DAY));
    return passed(`in use: ${facts.name}, ${days} days old, of ${facts.abilities.join(", ")}`);
  }
  const { title, certified, unproved }: Provider = PROVIDERS[s3.provider];
  const seen = certified && `${title} ${certified.server} was seen to keep`;
  const known = unproved === undefined ? `${title} documents` : "every server of S3's API does";
  return passed(
    `none is in use; what ${seen ?? known} counts. What yours keeps besides, perhaps checksums, write-once, incoming, and files in parts that are final at once, is shown by \`valetkey certify --output certificate.json\`, and used by STORAGE_CERTIFICATE=certificate.json`,
  );
});

const DAY = 24 * 60 * 60 * 1000;
