import * as Duration from "effect/Duration";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as Struct from "effect/Struct";
import { SizeText } from "../../domain/byte-size.ts";
import type { Limits, RateLimit } from "../../domain/limits.ts";
import { Parsed, WholeNumber } from "../settings/codecs.ts";
import { oneOf, onOff, optional, readSettings, withDefault } from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";

const WINDOWS = new Map([
  ["second", Duration.seconds(1)],
  ["minute", Duration.minutes(1)],
  ["hour", Duration.hours(1)],
  ["day", Duration.days(1)],
]);

const Rate = Parsed((text): RateLimit | undefined => {
  const [, count, unit = ""] = /^([1-9]\d{0,6}) per ([a-z]+)$/.exec(text) ?? [];
  const window = WINDOWS.get(unit);
  return window && { count: Number(count), window };
});

const RATE = {
  codec: Rate,
  shape: "a number of requests per second, minute, hour or day",
  otherwise: "no limit",
};

const BYTES = {
  codec: SizeText,
  shape: "a size with its unit: B, KiB, MiB, GiB or TiB (kB, MB, GB or TB in powers of ten)",
  otherwise: "no limit",
};

const Count = WholeNumber({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

const UPLOADS = {
  codec: Count,
  shape: "a number of uploads, 1 or more",
  otherwise: "no limit",
};

export const settings = {
  subject: optional({
    ...RATE,
    variable: "LIMIT_REQUESTS_PER_SUBJECT",
    option: "limits.requestsPerSubject",
    meaning: "Requests of a caller.",
    example: "120 per minute",
  }),
  organization: optional({
    ...RATE,
    variable: "LIMIT_REQUESTS_PER_ORGANIZATION",
    option: "limits.requestsPerOrganization",
    meaning: "Requests of an organization.",
    example: "1200 per minute",
  }),
  bytes: optional({
    ...BYTES,
    variable: "LIMIT_BYTES_PER_DAY",
    option: "limits.bytesPerDay",
    meaning: "Bytes per organization and day (UTC).",
    example: "50 GiB",
  }),
  bytesPerSubject: optional({
    ...BYTES,
    variable: "LIMIT_BYTES_PER_SUBJECT_PER_DAY",
    option: "limits.bytesPerSubjectPerDay",
    meaning: "Bytes per caller in an organization and day (UTC).",
    example: "5 GiB",
  }),
  objects: optional({
    ...UPLOADS,
    variable: "LIMIT_OBJECTS_PER_DAY",
    option: "limits.objectsPerDay",
    meaning: "Uploads per organization and day (UTC).",
    example: "10000",
  }),
  counts: optional({
    ...onOff("files and bytes of organizations are counted"),
    variable: "USAGE",
    option: "limits.usage",
    meaning: "Counts [what is stored](usage.md).",
    otherwise: "`off`; `on` with a limit on stored bytes or open uploads",
  }),
  storedBytes: optional({
    ...BYTES,
    variable: "LIMIT_STORED_BYTES",
    option: "limits.storedBytes",
    meaning: "Stored bytes of an organization.",
    example: "1 TiB",
  }),
  storedBytesPerSubject: optional({
    ...BYTES,
    variable: "LIMIT_STORED_BYTES_PER_SUBJECT",
    option: "limits.storedBytesPerSubject",
    meaning: "Stored bytes of a caller's folder, where the policy's key has `{subject}`.",
    example: "10 GiB",
  }),
  openUploads: optional({
    ...UPLOADS,
    variable: "LIMIT_OPEN_UPLOADS",
    option: "limits.openUploads",
    meaning: "Uploads of an organization that are open at once.",
    example: "500",
  }),
  openUploadsPerSubject: optional({
    ...UPLOADS,
    variable: "LIMIT_OPEN_UPLOADS_PER_SUBJECT",
    option: "limits.openUploadsPerSubject",
    meaning: "Uploads of a caller in an organization that are open at once.",
    example: "5",
  }),
  onUnknown: withDefault("allow", {
    ...oneOf(["allow", "refuse"]),
    variable: "STORED_BYTES_UNKNOWN",
    option: "limits.storedBytesUnknown",
    meaning: "What happens to uploads while it is not known what is stored.",
    example: "refuse",
  }),
  failedAuthentications: optional({
    variable: "LIMIT_FAILED_AUTHENTICATIONS",
    option: "limits.failedAuthentications",
    meaning: "Requests of an address that are not authenticated.",
    otherwise: "`120 per minute`; in the package no limit",
    codec: Schema.Union([Rate, Schema.Literal("off")]),
    shape: "a number of requests per second, minute, hour or day, or off",
    example: "120 per minute",
  }),
  onFailure: withDefault("allow", {
    ...oneOf(["allow", "refuse"]),
    variable: "LIMITS_ON_FAILURE",
    option: "limits.onFailure",
    meaning: "What happens to requests while Redis is down.",
    example: "refuse",
  }),
  replicas: withDefault(1, {
    variable: "REPLICAS",
    meaning: "How many services run that share one store, on all machines.",
    codec: Count,
    shape: "the number of services that run, here and on other machines",
    example: "2",
  }),
};

/** The default of the service; the package has none. */
export const FAILED_AUTHENTICATIONS: RateLimit = { count: 120, window: Duration.minutes(1) };

export const read = (source: Source) =>
  Result.map(readSettings(settings, source), (values) => {
    const { subject, organization, onFailure, replicas, failedAuthentications } = values;
    const usage = {
      bytes: values.storedBytes,
      bytesPerSubject: values.storedBytesPerSubject,
      open: values.openUploads,
      openPerSubject: values.openUploadsPerSubject,
      refusesUnknown: values.onUnknown === "refuse",
    };
    const hasStored =
      (usage.bytes ?? usage.bytesPerSubject ?? usage.open ?? usage.openPerSubject) !== undefined;
    const daily = Struct.pick(values, ["bytes", "objects", "bytesPerSubject"]);
    return {
      limits: { requests: { subject, organization }, daily } satisfies Limits,
      isLimited: [
        subject,
        organization,
        values.counts || undefined,
        hasStored || undefined,
        ...Object.values(daily),
      ].some((limit) => limit !== undefined),
      refusesOnFailure: onFailure === "refuse",
      replicas,
      failedAuthentications,
      usage:
        values.counts === true || (values.counts === undefined && hasStored) ? usage : undefined,
    };
  });

export type LimitSettings = Result.Result.Success<ReturnType<typeof read>>;
