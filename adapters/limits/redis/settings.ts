import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { CommaSeparated, OnOff } from "../../settings/codecs.ts";
import {
  type Env,
  fault,
  optional,
  type Read,
  readSettings,
  setting,
  withDefault,
} from "../../settings/setting.ts";

const RedisUrl = Schema.String.check(
  Schema.makeFilter<string>(
    (text) =>
      /^rediss?:\/\/(?:(?:[^@/%]|%[0-9A-Fa-f]{2})*@)?[^@/]+(?:\/\d*)?$/.test(text) &&
      URL.canParse(text),
  ),
);

/** Variables that say where several processes count together. */
export const settings = {
  urls: optional(
    setting("REDIS_URL", {
      codec: Schema.RedactedFromValue(CommaSeparated(RedisUrl)),
      shape: "a redis or rediss URL; of a cluster one or more, separated by commas",
      example: "rediss://:password@redis.example.com:6379",
    }),
  ),
  cluster: withDefault(
    setting("REDIS_CLUSTER", {
      codec: OnOff,
      shape: "on (REDIS_URL names nodes of a cluster) or off",
      example: "on",
    }),
    false,
  ),
};

/** What the adapter is configured with. */
export interface RedisSettings {
  /** With passwords. */
  readonly urls: Redacted.Redacted<ReadonlyArray<string>>;
  readonly isCluster: boolean;
}

/** Reads the variables; undefined where there is no Redis. */
export const read = (env: Env): Read<RedisSettings | undefined> =>
  Result.map(
    readSettings(settings, env, ({ urls, cluster }) => {
      if (urls === undefined)
        return cluster === true
          ? [fault(settings.urls, "must be set where REDIS_CLUSTER is on")]
          : [];
      return Redacted.value(urls).length > 1 && cluster === false
        ? [fault(settings.cluster, "must be on where REDIS_URL has several URLs")]
        : [];
    }),
    ({ urls, cluster }) => urls && { urls, isCluster: cluster },
  );
