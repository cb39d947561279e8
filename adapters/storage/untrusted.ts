import { type Fault, fault, onOff, optional, type Setting } from "../settings/setting.ts";
import type { Text } from "../settings/source.ts";
import { mayBePublic } from "../values/public-host.ts";
import { createBucket, endpoint, publicEndpoint } from "./settings.ts";

/** How the service may call a bucket whose owner is not trusted. */
export interface Untrusted {
  /** True to call addresses that are not public, and without TLS. */
  readonly allowPrivate: boolean;
}

export interface Owned {
  readonly untrusted?: boolean | undefined;
  readonly allowPrivate?: boolean | undefined;
}

export const untrustedIn = ({ untrusted, allowPrivate = false }: Owned): Untrusted | undefined =>
  untrusted ? { allowPrivate } : undefined;

export const ownerSettings = {
  untrusted: optional({
    ...onOff("the bucket's owner is somebody else", "it is the service's operator"),
    variable: "STORAGE_UNTRUSTED",
    option: "untrusted",
    meaning:
      "For [a customer's own bucket](stores/several.md#a-customers-own-bucket): this service's own identity is not used for it, and its answers are bounded.",
    otherwise: "`off`",
  }),
  allowPrivate: optional({
    ...onOff("also other addresses than public ones, and http"),
    variable: "STORAGE_ALLOW_PRIVATE",
    option: "allowPrivate",
    meaning:
      "Where such a bucket may be. `off` lets nobody make this service call its own network.",
    otherwise: "`off`",
  }),
};

/** Returns faults of a store whose owner is not trusted. */
export function ownerFaults(values: {
  readonly untrusted?: boolean | undefined;
  readonly allowPrivate?: boolean | undefined;
  readonly createBucket?: boolean;
  readonly endpoint?: URL | undefined;
  readonly publicEndpoint?: URL | undefined;
}): ReadonlyArray<Fault | false> {
  if (values.untrusted !== true) return [];
  const isRefused = (url: URL | undefined) =>
    url !== undefined &&
    values.allowPrivate !== true &&
    (url.protocol !== "https:" || !mayBePublic(url));
  return [
    values.createBucket === true &&
      fault(
        createBucket,
        ({ off, assign }) => `must be ${off} with ${assign(ownerSettings.untrusted, true)}`,
        ({ off }) => off,
      ),
    isRefused(values.endpoint) && fault(endpoint, PUBLIC),
    isRefused(values.publicEndpoint) && fault(publicEndpoint, PUBLIC),
  ];
}

const PUBLIC: Text = ({ assign }) =>
  `must be an https URL of the public Internet, or ${assign(ownerSettings.allowPrivate, true)} set`;

/** The fault of a store whose owner is not trusted, and for which this machine's identity would act. */
export const ownIdentity = (setting: Setting<unknown>): Fault =>
  fault(
    setting,
    ({ assign }) =>
      `must be set with ${assign(ownerSettings.untrusted, true)} and no key, since this service's own identity may reach other buckets`,
  );
