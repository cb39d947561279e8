import type { Known } from "../known.ts";

/** A certificate that configures the service, with the abilities that it proves. */
export interface CertificateInUse extends Known {
  /** Left out while a store is certified, so that everything it may prove is tried. */
  readonly facts?: {
    /** Such as `MinIO, bucket files, 2026-11-30`. */
    readonly name: string;
    readonly date: string;
    /** True if promises have changed since. */
    readonly isOutdated: boolean;
    /** Promises that every store must keep, and that this one broke. */
    readonly broken?: ReadonlyArray<string>;
  };
}

/** Returns a warning for a certificate that is old, or shows a danger; `now` in milliseconds. */
export function certificateWarning(
  certificate: CertificateInUse | undefined,
  now: number,
): string | undefined {
  const { date = "", isOutdated = false, broken = [] } = certificate?.facts ?? {};
  if (broken.length > 0) return `the certificate of ${date} ${danger(broken)}`;
  const isOld = now - Date.parse(date) > YEAR;
  if (!isOld && !isOutdated) return undefined;
  const why = isOld ? "is older than a year" : "is of an older contract";
  return `the certificate of ${date} ${why}; certify the store again: \`valetkey certify --output certificate.json\``;
}

export const danger = (broken: ReadonlyArray<string>): string =>
  `shows that the store breaks what every store must keep: ${broken.join("; ")}`;

const YEAR = 366 * 24 * 60 * 60 * 1000;
