import * as Duration from "effect/Duration";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as SchemaTransformation from "effect/SchemaTransformation";
import type { Limits, RateLimit } from "../../domain/limits.ts";
import { Size } from "../settings/codecs.ts";
import {
  choice,
  type Env,
  optional,
  type Read,
  readSettings,
  setting,
  withDefault,
} from "../settings/setting.ts";

const WINDOWS = {
  second: Duration.seconds(1),
  minute: Duration.minutes(1),
  hour: Duration.hours(1),
  day: Duration.days(1),
} as const;

const Rate = Schema.String.check(
  Schema.isPattern(/^[1-9]\d{0,6} per (?:second|minute|hour|day)$/),
).pipe(
  Schema.decodeTo(
    Schema.Struct({ count: Schema.Number, window: Schema.Duration }),
    SchemaTransformation.transform({
      decode: (text) => {
        const [count = "", , unit = ""] = text.split(" ");
        return { count: Number(count), window: WINDOWS[unit as keyof typeof WINDOWS] };
      },
      encode: ({ count, window }) => `${count} per ${Duration.format(window)}`,
    }),
  ),
);

const rate = (name: string, example: string) =>
  optional(
    setting(name, {
      codec: Rate,
      shape: "a number of requests per second, minute, hour or day",
      example,
    }),
  );

const WholeNumber = Schema.FiniteFromString.check(
  Schema.isInt(),
  Schema.isBetween({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
);

/** Variables that say how much is too much. */
export const settings = {
  subject: rate("LIMIT_REQUESTS_PER_SUBJECT", "120 per minute"),
  organization: rate("LIMIT_REQUESTS_PER_ORGANIZATION", "1200 per minute"),
  failedAuthentications: optional(
    setting("LIMIT_FAILED_AUTHENTICATIONS", {
      codec: Schema.Union([Rate, Schema.Literal("off")]),
      shape: "a number of requests per second, minute, hour or day, or off",
      example: "120 per minute",
    }),
  ),
  bytes: optional(
    setting("LIMIT_BYTES_PER_DAY", {
      codec: Size,
      shape:
        "what an organization may be granted in a day, a number with its unit: B, KiB, MiB, GiB or TiB",
      example: "50 GiB",
    }),
  ),
  objects: optional(
    setting("LIMIT_OBJECTS_PER_DAY", {
      codec: WholeNumber,
      shape: "how many uploads an organization may be granted in a day",
      example: "10000",
    }),
  ),
  onFailure: withDefault(
    choice("LIMITS_ON_FAILURE", ["allow", "refuse"], {
      shape: "allow or refuse, what happens to requests while nothing can be counted",
      example: "refuse",
    }),
    "allow",
  ),
  processes: withDefault(
    setting("WEB_CONCURRENCY", {
      codec: WholeNumber,
      shape: "the number of processes that serve, here and on other machines",
      example: "1",
    }),
    1,
  ),
};

/** How many requests of an address may fail to be authenticated where nobody has chosen. */
export const FAILED_AUTHENTICATIONS: RateLimit = { count: 120, window: WINDOWS.minute };

/** What the adapters that count are configured with. */
export interface LimitSettings {
  readonly limits: Limits;
  /** Whether anything is limited. */
  readonly isLimited: boolean;
  /** Whether requests are refused while nothing can be counted. */
  readonly refusesOnFailure: boolean;
  /** How many processes serve. */
  readonly processes: number;
  /** How many requests of an address may fail to be authenticated; undefined if nobody chose. */
  readonly failedAuthentications: RateLimit | "off" | undefined;
}

/** Reads the variables. */
export const read = (env: Env): Read<LimitSettings> =>
  Result.map(
    readSettings(settings, env),
    ({ subject, organization, bytes, objects, onFailure, processes, failedAuthentications }) => ({
      limits: { requests: { subject, organization }, daily: { bytes, objects } },
      isLimited: [subject, organization, bytes, objects].some((limit) => limit !== undefined),
      refusesOnFailure: onFailure === "refuse",
      processes,
      failedAuthentications,
    }),
  );
