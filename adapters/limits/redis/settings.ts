import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { List } from "../../settings/codecs.ts";
import { fault, onOff, optional, readSettings, withDefault } from "../../settings/setting.ts";
import type { Source } from "../../settings/source.ts";

const RedisUrl = Schema.String.check(
  Schema.makeFilter<string>(
    (text) =>
      /^rediss?:\/\/(?:(?:[^@/%]|%[0-9A-Fa-f]{2})*@)?[^@/]+(?:\/\d*)?$/.test(text) &&
      URL.canParse(text),
  ),
);

/** Where several processes count together; the options are those of `redis()`. */
export const settings = {
  urls: optional({
    variable: "REDIS_URL",
    option: "url",
    meaning: "Where processes count together. In the package: `limits.countIn: redis({ url })`.",
    otherwise: "this process's memory",
    codec: Schema.RedactedFromValue(List(RedisUrl)),
    shape: ({ list }) => `a redis or rediss URL; of a cluster one or more, ${list}`,
    example: "rediss://:password@redis.example.com:6379",
  }),
  cluster: withDefault(false, {
    ...onOff("it is a cluster"),
    variable: "REDIS_CLUSTER",
    option: "cluster",
    meaning: "Whether that is a cluster. In the package: `redis({ cluster })`.",
  }),
};

export const read = (source: Source) =>
  Result.map(
    readSettings(settings, source, ({ urls, cluster }) => [
      urls === undefined &&
        cluster === true &&
        fault(
          settings.urls,
          ({ name, on }) => `must be set where ${name(settings.cluster)} is ${on}`,
        ),
      urls !== undefined &&
        Redacted.value(urls).length > 1 &&
        cluster === false &&
        fault(
          settings.cluster,
          ({ name, on }) => `must be ${on} where ${name(settings.urls)} has several URLs`,
        ),
    ]),
    ({ urls, cluster }) => urls && { urls, isCluster: cluster },
  );

export type RedisSettings = NonNullable<Result.Result.Success<ReturnType<typeof read>>>;
