import * as Result from "effect/Result";
import { closest } from "fastest-levenshtein";
import cluster from "node:cluster";
import * as audit from "../telemetry/audit.ts";
import * as http from "../http/settings.ts";
import { isLoopbackName, nameOfHost } from "../http/loopback.ts";
import * as identity from "../identity/settings.ts";
import * as limits from "../limits/settings.ts";
import * as policies from "../policies/settings.ts";
import * as redis from "../limits/redis/settings.ts";
import { allOf, type Fault, fault, type Read, type Setting } from "../settings/setting.ts";
import { type Env, variables } from "../settings/source.ts";
import { S3_CAPABILITIES, S3_MULTIPART } from "../storage/providers.ts";
import * as telemetry from "../telemetry/log.ts";
import * as tokens from "../tokens/settings.ts";
import { CommandFailure, EXIT } from "./command.ts";
import { configurationMessage } from "./messages.ts";
import * as storage from "./storage.ts";

/** The settings of all adapters; throws a `CommandFailure` that names every one at fault. */
export const readOrFail = (env: Env): Settings =>
  orFail(readAll(env), "Valetkey cannot start", env);

/** The settings; throws a `CommandFailure` that begins with `failure` and names all at fault. */
export const orFail = <A>(read: Read<A>, failure: string, env: Env, code = EXIT.configuration): A =>
  Result.getOrThrowWith(read, (faults) => {
    const message = configurationMessage(failure, faults, misspellings(env));
    return new CommandFailure({ code, message });
  });

/** The settings for a command; throws a `CommandFailure` that names every one at fault. */
export const readStoreOrFail = (env: Env): StoreSettings =>
  orFail(readStore(env), "The command cannot run", env);

export type StoreSettings = Result.Result.Success<ReturnType<typeof readStore>>;

/**
 * Reads what is said of the store, of policies and of pages, and nothing that the server alone
 * needs, which makes a missing bucket too.
 */
export function readStore(env: Env) {
  const source = variables({ ...env, STORAGE_CREATE_BUCKET: undefined });
  const pages = http.readPages(source);
  const store = storage.read(source, publicUrlOrUnknown(pages));
  return allOf({
    http: pages,
    policies: policies.read(source, capabilitiesOrMost(store)),
    storage: store,
  });
}

/** Stand-ins for what is at fault, so that the other settings can be read. */
const publicUrlOrUnknown = (read: Read<{ readonly publicUrl: URL }>) =>
  Result.match(read, {
    onSuccess: ({ publicUrl }) => publicUrl,
    onFailure: () => new URL("http://unknown"),
  });
const capabilitiesOrMost = (store: ReturnType<typeof storage.read>) =>
  Result.match(store, {
    onSuccess: ({ capabilities }) => capabilities,
    onFailure: () => ({ ...S3_CAPABILITIES, ...S3_MULTIPART }),
  });

export type Settings = Result.Result.Success<ReturnType<typeof readAll>>;

/** Reads the settings of all adapters, so that one message can name every one at fault. */
export function readAll(env: Env) {
  const source = variables(env);
  const server = http.read(source);
  const store = storage.read(source, publicUrlOrUnknown(server));
  const parts = {
    audit: audit.read(source),
    http: server,
    identity: identity.read(source),
    limits: limits.read(source),
    policies: policies.read(source, capabilitiesOrMost(store)),
    redis: redis.read(source),
    storage: store,
    telemetry: telemetry.read(source),
    tokens: tokens.read(source),
  };
  return allOf(parts, [
    // Using development tokens from other machines has to be allowed explicitly.
    ...faultIf(
      Result.all([parts.identity, parts.http]),
      ([{ callers }, { host, publicUrl }]) =>
        callers.auth === "dev" &&
        !callers.exposed &&
        ![host, nameOfHost(publicUrl.host)].every(isLoopbackName),
      fault(
        identity.exposed,
        "must be yes where HOST or PUBLIC_URL is not this machine's own, since AUTH=dev lets in everyone who has the token",
      ),
    ),
    // The key that is generated in the folder of uploads is for development.
    ...faultIf(
      parts.tokens,
      ({ keys }) => keys === undefined && (env["AUTH"] || "dev") !== "dev",
      fault(tokens.settings.keys, "must be set where AUTH is not dev"),
    ),
    // Several processes with limits must share one counter.
    ...faultIf(
      Result.all([parts.limits, parts.http, parts.redis]),
      ([limits, http, redis]) =>
        limits.isLimited && areSeveral(limits, http) && redis === undefined,
      fault(redis.settings.urls, "must be set where several processes serve with limits"),
    ),
  ]);
}

/** A fault of values that are each well-formed but do not go together. */
const faultIf = <A>(
  read: Read<A>,
  isWrong: (values: A) => boolean,
  fault: Fault,
): ReadonlyArray<Fault> => (Result.isSuccess(read) && isWrong(read.success) ? [fault] : []);

/** Warnings about a valid configuration. */
export function findWarnings(
  env: Env,
  { http, identity, limits, redis, storage }: Settings,
): ReadonlyArray<string> {
  const isSeveral = areSeveral(limits, http);
  const size = env["STORAGE_MAX_FILE_SIZE"] ?? "";
  const rows: ReadonlyArray<readonly [boolean, string]> = [
    [
      identity.callers.auth !== "dev" && !limits.isLimited,
      "no limits are configured: set LIMIT_REQUESTS_PER_SUBJECT, LIMIT_REQUESTS_PER_ORGANIZATION, LIMIT_BYTES_PER_DAY, LIMIT_BYTES_PER_SUBJECT_PER_DAY or LIMIT_OBJECTS_PER_DAY",
    ],
    [
      (limits.replicas > 1 || cluster.isWorker) && storage.fetch !== undefined,
      "several services share one embedded store: give all the same STORAGE_LOCAL_DIR; on several machines, use another store",
    ],
    [
      isSeveral && redis === undefined,
      "each of several processes knows only its own Idempotency-Keys: set REDIS_URL, or a retried request can make a second object",
    ],
    [
      policies.isWithoutUnit(size),
      `STORAGE_MAX_FILE_SIZE=${size} has no unit and is read as MiB: write "${size} MiB"`,
    ],
  ];
  return [
    ...rows.flatMap(([applies, warning]) => (applies ? [warning] : [])),
    ...misspellings(env),
  ];
}

/** Tells whether several processes serve, counted over all machines. */
const areSeveral = ({ replicas }: limits.LimitSettings, { workers }: http.HttpSettings) =>
  replicas > 1 || workers > 1 || cluster.isWorker;

/** A hint for each unknown variable that looks like one of ours. */
export const misspellings = (env: Env): ReadonlyArray<string> =>
  Object.keys(env)
    .filter((name) => PREFIXES.test(name) && !KNOWN.includes(name))
    .map((name) => `${name} is not a known variable; did you mean ${closest(name, KNOWN)}?`);

const PREFIXES = /^(?:STORAGE|AUTH|JWT|FORWARD_AUTH|LIMITS?|SHUTDOWN)_/;

/** The settings of all adapters, chosen or not. */
export const settings: ReadonlyArray<Setting<unknown>> = [
  ...storage.settings,
  ...[audit, http, identity, limits, policies, redis, telemetry, tokens].flatMap(({ settings }) =>
    Object.values<Setting<unknown>>(settings),
  ),
];

/** The settings that count in this environment: without those of stores and callers not chosen. */
export function settingsInUse(env: Env): ReadonlyArray<Setting<unknown>> {
  const chosen = new Set([
    ...storage.chosenSettings(variables(env)),
    ...identity.settingsOf(variables(env)),
  ]);
  const ofChoices = new Set([...storage.settings, ...identity.settings]);
  return settings.filter((setting) => chosen.has(setting) || !ofChoices.has(setting));
}

const KNOWN = settings.map(({ variable }) => variable);
