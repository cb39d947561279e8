import * as Clock from "effect/Clock";
import { certificateName, certificateWarning } from "../../storage/certificate/in-use.ts";
import { PROVIDERS, type Provider } from "../../storage/providers.ts";
import { check } from "./doctor.ts";

const CERTIFY =
  "`valetkey certify --output certificate.json` shows what yours keeps, for STORAGE_CERTIFICATE=certificate.json";

/** Tells how it is known what the store keeps. */
export const certificate = check("certificate", function* ({ s3 }, { passed, unknown }) {
  if (s3 === undefined) return;
  const now = yield* Clock.currentTimeMillis;
  const { facts } = s3.certificate ?? {};
  const warning = certificateWarning(s3, now);
  if (warning !== undefined) return unknown(warning);
  if (facts !== undefined) {
    const days = Math.max(0, Math.floor((now - Date.parse(facts.date)) / DAY));
    return passed(
      `in use: ${certificateName(s3)}, ${days} days old; it proves ${facts.abilities.join(", ")}`,
    );
  }
  const { title, certified, unproved }: Provider = PROVIDERS[s3.provider];
  return passed(
    certified !== undefined
      ? `none is in use; what ${title} ${certified.server} was seen to keep counts, and ${CERTIFY}`
      : unproved === undefined
        ? `none is in use; what ${title} documents counts, and ${CERTIFY}`
        : `none is in use, so that nothing is proved of ${title} but what every server does; ${CERTIFY}: perhaps checksums, write-once, files that are final at once, and uploads below incoming/`,
  );
});

const DAY = 24 * 60 * 60 * 1000;
