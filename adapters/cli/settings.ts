import * as Result from "effect/Result";
import { closest } from "fastest-levenshtein";
import cluster from "node:cluster";
import * as audit from "../audit/settings.ts";
import * as http from "../http/settings.ts";
import { isLoopbackName, nameOfHost } from "../http/loopback.ts";
import * as identity from "../identity/settings.ts";
import * as limits from "../limits/settings.ts";
import * as policies from "../policies/settings.ts";
import * as redis from "../limits/redis/settings.ts";
import { allOf, type Fault, fault, type Read, type Setting } from "../settings/setting.ts";
import { type Env, variables } from "../settings/source.ts";
import { S3_CAPABILITIES } from "../storage/providers.ts";
import * as telemetry from "../telemetry/settings.ts";
import * as tokens from "../tokens/settings.ts";
import type { Misspelt } from "./messages.ts";
import * as storage from "./storage.ts";

/** Reads the settings of all adapters, so that one message can name every one at fault. */
export function readAll(env: Env) {
  const source = variables(env);
  const server = http.read(source);
  const publicUrl = Result.isSuccess(server) ? server.success.publicUrl : new URL("http://unknown");
  const store = storage.read(source, publicUrl);
  const parts = {
    audit: audit.read(source),
    http: server,
    identity: identity.read(source),
    limits: limits.read(source),
    policies: policies.read(
      source,
      Result.isSuccess(store) ? store.success.capabilities : S3_CAPABILITIES,
    ),
    redis: redis.read(source),
    storage: store,
    telemetry: telemetry.read(source),
    tokens: tokens.read(source),
  };
  return allOf(parts, [
    ...exposureFault(parts.http, parts.identity),
    ...keysFault(env, parts.tokens),
    ...countingFault(parts.limits, parts.redis),
  ]);
}

/** Using development tokens from other machines has to be allowed explicitly. */
function exposureFault(
  server: Read<http.HttpSettings>,
  caller: Read<identity.IdentitySettings>,
): ReadonlyArray<Fault> {
  if (Result.isFailure(server) || Result.isFailure(caller)) return [];
  const { callers } = caller.success;
  if (callers.auth !== "dev" || callers.exposed) return [];
  const { host, publicUrl } = server.success;
  return [host, nameOfHost(publicUrl.host)].every(isLoopbackName)
    ? []
    : [
        fault(
          identity.exposed,
          "must be yes where HOST or PUBLIC_URL is not this machine's own, since AUTH=dev lets in everyone who has the token",
        ),
      ];
}

/**
 * The generated key in the folder of uploads is for development; otherwise keys must be configured.
 */
function keysFault(env: Env, sealing: Read<tokens.TokenSettings>): ReadonlyArray<Fault> {
  const auth = env["AUTH"] || "dev";
  return auth === "dev" || Result.isFailure(sealing) || sealing.success.keys !== undefined
    ? []
    : [fault(tokens.settings.keys, `must be set where AUTH is not dev`)];
}

/** Several processes with limits must share one counter. */
function countingFault(
  counted: Read<limits.LimitSettings>,
  store: Read<redis.RedisSettings | undefined>,
): ReadonlyArray<Fault> {
  if (Result.isFailure(counted) || Result.isFailure(store)) return [];
  return counted.success.isLimited && areSeveral(counted.success) && store.success === undefined
    ? [fault(redis.settings.urls, "must be set where several processes serve with limits")]
    : [];
}

/** Warnings about a valid configuration. */
export function warningsOf(
  env: Env,
  {
    limits,
    redis,
  }: {
    readonly limits: limits.LimitSettings;
    readonly redis: redis.RedisSettings | undefined;
  },
): ReadonlyArray<string> {
  const warnings: Array<string> = [];
  if (areSeveral(limits)) {
    if ((env["STORAGE_ADAPTER"] || "local") === "local") {
      warnings.push(
        "several processes share one embedded store: give all the same STORAGE_LOCAL_DIR; on several machines, use another store",
      );
    }
    if (redis === undefined) {
      warnings.push(
        "each of several processes knows only its own Idempotency-Keys: set REDIS_URL, or a retried request can make a second object",
      );
    }
  }
  const size = env["STORAGE_MAX_FILE_SIZE"] ?? "";
  if (policies.isWithoutUnit(size)) {
    warnings.push(
      `STORAGE_MAX_FILE_SIZE=${size} has no unit and is read as MiB: write "${size} MiB"`,
    );
  }
  return warnings;
}

const areSeveral = ({ processes }: limits.LimitSettings) => processes > 1 || cluster.isWorker;

/** Unknown names in `env` that look like ours, each with the name that was probably meant. */
export function misspelt(env: Env): ReadonlyArray<Misspelt> {
  return Object.keys(env)
    .filter(
      (name) =>
        /^(?:STORAGE|AUTH|JWT|FORWARD_AUTH|LIMITS?|SHUTDOWN)_/.test(name) && !KNOWN.includes(name),
    )
    .map((name) => ({ name, meant: closest(name, KNOWN) }));
}

/** The settings of all adapters, chosen or not. */
export const settings: ReadonlyArray<Setting<unknown>> = [
  ...storage.settings,
  ...[audit, http, identity, limits, policies, redis, telemetry, tokens].flatMap(({ settings }) =>
    Object.values<Setting<unknown>>(settings),
  ),
];

const KNOWN = settings.map(({ variable }) => variable);
