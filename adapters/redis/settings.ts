import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { readSmallFile } from "../settings/json-file.ts";
import { List } from "../settings/codecs.ts";
import {
  excludedBy,
  fault,
  missingBeside,
  onOff,
  optional,
  type Read,
  readSettings,
  withDefault,
} from "../settings/setting.ts";
import type { Source, Text } from "../settings/source.ts";

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
    meaning:
      "Where processes count together, and [events](events.md) wait. In the package: `limits.countIn: redis({ url })`.",
    otherwise: "this process's memory, and a file",
    codec: Schema.RedactedFromValue(List(RedisUrl)),
    shape: ({ list }) => `a redis or rediss URL; of a cluster one or more, ${list}`,
    example: "rediss://:password@redis.example.com:6379",
  }),
  cluster: withDefault(false, {
    ...onOff("it is a cluster"),
    variable: "REDIS_CLUSTER",
    option: "cluster",
    meaning: "`REDIS_URL` is a cluster.",
  }),
  sentinels: optional({
    variable: "REDIS_SENTINELS",
    option: "sentinels",
    meaning:
      "The Sentinels that know the master; the host in `REDIS_URL` is then the master's name.",
    codec: Schema.RedactedFromValue(List(RedisUrl)),
    shape: ({ list }) => `one or more redis or rediss URLs, ${list}`,
    example: "redis://sentinel-1.example.com:26379,redis://sentinel-2.example.com:26379",
  }),
  caFile: optional({
    variable: "REDIS_CA_FILE",
    option: "caFile",
    meaning: "The authority of the certificates of Redis and Sentinels.",
    otherwise: "the authorities that the runtime trusts",
    codec: Schema.NonEmptyString,
    shape: "the path of a file with certificates in PEM",
    example: "/etc/valetkey/redis-ca.pem",
  }),
};

const listed = (urls: Redacted.Redacted<ReadonlyArray<string>> | undefined) =>
  urls === undefined ? [] : Redacted.value(urls);

const ONE_NAME: Text = ({ name }) =>
  `must be one URL, with the master's name as its host, where ${name(settings.sentinels)} is set`;
const NEEDS_TLS: Text = ({ name }) =>
  `needs a rediss URL in ${name(settings.urls)} or ${name(settings.sentinels)}`;
const NEEDED_BY_CLUSTER: Text = ({ name, on }) =>
  `must be set where ${name(settings.cluster)} is ${on}`;
const IS_CLUSTER: Text = ({ name, on }) =>
  `must be ${on} where ${name(settings.urls)} has several URLs`;

export const read = (source: Source) =>
  Result.flatMap(
    readSettings(settings, source, ({ urls, cluster, sentinels, caFile }) => {
      const nodes = listed(urls);
      const hasSentinels = sentinels !== undefined;
      const isSeveral = nodes.length > 1;
      const isTls = [...nodes, ...listed(sentinels)].some((url) => url.startsWith("rediss:"));
      return [
        hasSentinels && urls === undefined && missingBeside(settings.urls, settings.sentinels),
        hasSentinels && cluster === true && excludedBy(settings.sentinels, settings.cluster),
        hasSentinels && isSeveral && fault(settings.urls, ONE_NAME, "rediss://:password@mymaster"),
        caFile !== undefined && !isTls && fault(settings.caFile, NEEDS_TLS),
        urls === undefined && cluster === true && fault(settings.urls, NEEDED_BY_CLUSTER),
        isSeveral && cluster === false && !hasSentinels && fault(settings.cluster, IS_CLUSTER),
      ];
    }),
    ({ urls, cluster, sentinels, caFile }) =>
      Result.map(
        caFile === undefined ? Result.succeed(undefined) : readCertificates(caFile),
        (ca) => urls && { urls, isCluster: cluster, sentinels, ca },
      ),
  );

const readCertificates = (path: string): Read<string> =>
  Result.filterOrFail(
    readSmallFile(path),
    (text) => text.includes("-----BEGIN CERTIFICATE-----"),
    () => "has no certificate in PEM",
  ).pipe(Result.mapError((problem) => [fault(settings.caFile, `names a file that ${problem}`)]));

export type RedisSettings = NonNullable<Result.Result.Success<ReturnType<typeof read>>>;
