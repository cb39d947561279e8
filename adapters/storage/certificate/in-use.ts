import { type Provider, type ProviderName, PROVIDERS } from "../providers.ts";
import type { Proved } from "./proved.ts";

/** A certificate that configures the service. */
export interface CertificateInUse {
  readonly proved: Proved;
  /** Left out while a store is certified, so that all that it may prove is tried. */
  readonly facts?: {
    /** Such as `MinIO, bucket files, 2026-11-30`. */
    readonly name: string;
    readonly date: string;
    readonly abilities: ReadonlyArray<string>;
    /** Promises have changed since. */
    readonly isOutdated: boolean;
    /** Promises that every store must keep, and that this one was seen to break. */
    readonly broken?: ReadonlyArray<string>;
  };
}

interface Configured {
  readonly provider: ProviderName;
  readonly certificate?: CertificateInUse | undefined;
}

/** The provider of some settings, with the abilities that its certificate proves. */
export const configuredProvider = ({ provider, certificate }: Configured): Provider => ({
  ...PROVIDERS[provider],
  ...certificate?.proved,
});

/** Such as `MinIO at http://127.0.0.1:9000/, bucket files, certified on 2026-11-30`. */
export function describeStore(settings: Configured & { readonly bucket: string }, place: string) {
  const { provider, bucket, certificate: { facts } = {} } = settings;
  const certified = facts === undefined ? "" : `, certified on ${facts.date}`;
  return `${PROVIDERS[provider].title} at ${place}, bucket ${bucket}${certified}`;
}

/** Warns of a certificate that is old, or shows a danger, at a time in milliseconds. */
export function certificateWarning({ certificate }: Configured, now: number): string | undefined {
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
