import * as Record from "effect/Record";
import * as Result from "effect/Result";
import * as audit from "../telemetry/audit.ts";
import * as cdn from "../delivery/cdn/settings.ts";
import * as images from "../delivery/images/settings.ts";
import * as events from "../events/settings.ts";
import * as http from "../http/settings.ts";
import { isLoopbackName, hostName } from "../http/loopback.ts";
import * as identity from "../identity/settings.ts";
import * as limits from "../limits/settings.ts";
import { DEFAULT_STORE, type StoreName } from "../../domain/place.ts";
import * as policies from "./policies/settings.ts";
import * as redis from "../redis/settings.ts";
import * as envFiles from "../settings/env-files.ts";
import {
  joinReads,
  fault,
  missingBeside,
  type Read,
  type Setting,
  settingsIn,
} from "../settings/setting.ts";
import { type Env, type Source, variables, withValues } from "../settings/source.ts";
import { ANY_STORE, keptPolicies, withCdn } from "./policies/document.ts";
import * as scanner from "../content/settings.ts";
import { adapter, createBucket } from "../storage/settings.ts";
import { pathOf } from "../storage/storage.ts";
import * as stores from "../storage/several/settings.ts";
import * as storage from "../storage/stores/stores.ts";
import * as telemetry from "../telemetry/log.ts";
import * as metrics from "../telemetry/metrics-settings.ts";
import * as traces from "../telemetry/traces/settings.ts";
import * as tokens from "../tokens/settings.ts";
import { unknownVariables } from "./unknown-variables.ts";

export type StoreSettings = Result.Result.Success<ReturnType<typeof readStore>>;

/**
 * Reads the settings of one store, of policies and pages, not of the server. Creates no bucket. Of
 * several stores, each has the policies that it can keep.
 */
export function readStore(env: Env, name: StoreName = DEFAULT_STORE) {
  const source = variables(env);
  const pages = http.readPages(source);
  return Result.flatMap(stores.sourceFor(source, name, cdn.settings), (own) => {
    const { publicUrl } = orUnknown(pages);
    const from = withValues(own, { [createBucket.variable]: undefined });
    const read = storage.read(from, publicUrl, pathOf(name));
    const store = withCdn(
      Result.getOrElse(read, () => ANY_STORE),
      own.valueOf(cdn.settings.url),
    );
    const hasClamd = source.valueOf(scanner.settings.clamd) !== undefined;
    const isOnly = source.valueOf(stores.settings.stores) === undefined;
    const all = policies.read(source, isOnly ? store : ANY_STORE, hasClamd);
    const kept = (each: Policies) =>
      keptPolicies(each, { store, spelling: "document", hasClamd }).policies;
    const parts = {
      http: pages,
      policies: isOnly ? all : Result.map(all, kept),
      scanner: scanner.read(source),
      storage: stores.inDocument(own, name, read),
      source: Result.succeed(from),
      // One that is named is read whatever is wrong with others.
      several: name === DEFAULT_STORE ? readSeveral(source, publicUrl) : Result.succeed(undefined),
    };
    return joinReads(parts, unknownIn(env).faults);
  });
}

/** Reads something else of one store, such as without its certificate. */
export const readOfStore = <A>(
  env: Env,
  read: (source: Source) => Read<A>,
  name: StoreName = DEFAULT_STORE,
): Read<A> =>
  Result.flatMap(stores.sourceFor(variables(env), name, cdn.settings), (own) =>
    stores.inDocument(own, name, read(own)),
  );

type Policies = Parameters<typeof keptPolicies>[0];

const readSeveral = (source: Source, publicUrl: URL) =>
  stores.read(source, {
    publicUrl,
    beside: cdn,
    hasDefault: source.valueOf(adapter) !== undefined,
  });

const orUnknown = <A extends { readonly publicUrl: URL }>(pages: Read<A>) =>
  Result.getOrElse(pages, () => ({ publicUrl: new URL("http://unknown") }));

/** Reads with stand-ins for invalid settings, so that all faults are reported. */
function readWithStore<A extends { readonly publicUrl: URL }>(source: Source, pages: Read<A>) {
  const { publicUrl } = orUnknown(pages);
  const several = readSeveral(source, publicUrl);
  const named = Result.getOrUndefined(several);
  const own = named?.stores.get(DEFAULT_STORE);
  const store = own ? Result.succeed(own.storage) : storage.read(source, publicUrl);
  const able =
    named === undefined
      ? withCdn(
          Result.getOrElse(store, () => ANY_STORE),
          source.valueOf(cdn.settings.url),
        )
      : // Each store keeps those that it can.
        { ...ANY_STORE, isPlacedByClaim: identity.isPlacedByClaim(source) };
  const hasClamd = source.valueOf(scanner.settings.clamd) !== undefined;
  return {
    http: pages,
    policies: policies.read(source, able, hasClamd),
    policiesFile: Result.succeed(policies.fileOf(source, able, hasClamd)),
    scanner: scanner.read(source),
    several,
    storage: store,
    ...(own && { cdn: Result.succeed(own.beside) }),
  };
}

/** Settings that do not depend on others; a new module is added only here. */
const MODULES = {
  audit,
  cdn,
  events,
  identity,
  images,
  limits,
  metrics,
  redis,
  telemetry,
  tokens,
  traces,
};
type Reads = {
  readonly [Name in keyof typeof MODULES]: ReturnType<(typeof MODULES)[Name]["read"]>;
};

export type Settings = Result.Result.Success<ReturnType<typeof readAll>>;

export function readAll(env: Env) {
  const source = variables(env);
  const parts = {
    ...(Record.map(MODULES, ({ read }) => read(source)) as Reads),
    ...readWithStore(source, http.read(source)),
  };
  const who = Result.getOrUndefined(parts.identity);
  const server = Result.getOrUndefined(parts.http);
  const limit = Result.getOrUndefined(parts.limits);
  const further = [
    ...unknownIn(env).faults,
    who?.callers.auth === "dev" &&
      !who.callers.exposed &&
      server !== undefined &&
      ![server.host, hostName(server.publicUrl.host)].every(isLoopbackName) &&
      fault(
        identity.exposed,
        "must be yes where HOST or PUBLIC_URL is not this machine's own, since AUTH=dev lets in everyone who has the token",
      ),
    // The key generated in the folder of uploads is for development.
    Result.isSuccess(parts.tokens) &&
      parts.tokens.success.keys === undefined &&
      (env["AUTH"] || "dev") !== "dev" &&
      fault(tokens.settings.keys, "must be set where AUTH is not dev"),
    Result.isSuccess(parts.several) &&
      parts.several.success === undefined &&
      identity.isPlacedByClaim(source) &&
      missingBeside(stores.settings.stores, identity.storeClaim),
    limit !== undefined &&
      limit.usage === undefined &&
      who?.callers.auth === "jwt" &&
      who.callers.stored !== undefined &&
      fault(limits.settings.counts, "must be on where JWT_STORED_CLAIM is set"),
    limit !== undefined &&
      (limit.isLimited || (who !== undefined && hasPlans(who))) &&
      areSeveral(limit) &&
      Result.isSuccess(parts.redis) &&
      parts.redis.success === undefined &&
      fault(redis.settings.urls, "must be set where several processes serve with limits"),
  ];
  return joinReads(
    parts,
    further.filter((fault) => fault !== false && fault !== undefined),
  );
}

/** Returns true if metrics can be read, or are sent. */
export const isObserved = ({ metrics: { token, port }, traces }: Settings): boolean =>
  token !== undefined || port !== undefined || traces.endpoint !== undefined;

export function findWarnings(env: Env, settings: Settings): ReadonlyArray<string> {
  const { identity, limits, storage } = settings;
  const size = env["STORAGE_MAX_FILE_SIZE"] ?? "";
  return [
    identity.callers.auth !== "dev" &&
      !limits.isLimited &&
      !hasPlans(identity) &&
      "no limits are configured: set LIMIT_REQUESTS_PER_SUBJECT, LIMIT_REQUESTS_PER_ORGANIZATION, LIMIT_BYTES_PER_DAY, LIMIT_BYTES_PER_SUBJECT_PER_DAY or LIMIT_OBJECTS_PER_DAY",
    areSeveral(limits) &&
      storage.fetch !== undefined &&
      "several services share one embedded store: give all the same STORAGE_LOCAL_DIR; on several machines, use another store",
    policies.isWithoutUnit(size) &&
      `STORAGE_MAX_FILE_SIZE=${size} has no unit and is read as MiB: write "${size} MiB"`,
    ...unknownIn(env).warnings,
  ].filter((warning) => warning !== false);
}

/** Returns true if tokens can name a quota. */
const hasPlans = ({ callers }: Result.Result.Success<Reads["identity"]>) =>
  callers.auth === "jwt" && callers.quota !== undefined;

const areSeveral = ({ replicas }: limits.LimitSettings) => replicas > 1;

/** Returns errors and warnings about the names of variables. */
export const unknownIn = (env: Env) => unknownVariables(env, KNOWN);

/** The settings of all adapters, chosen or not. */
export const settings: ReadonlyArray<Setting<unknown>> = [
  ...storage.settings,
  ...Object.values({ ...MODULES, envFiles, http, policies, scanner, stores }).flatMap(
    ({ settings }) => settingsIn(settings),
  ),
];

/** Returns the settings that apply, without those of stores and callers not chosen. */
export function settingsInUse(env: Env): ReadonlyArray<Setting<unknown>> {
  const chosen = new Set([
    ...storage.chosenSettings(variables(env)),
    ...identity.chosenSettings(variables(env)),
  ]);
  const optional = new Set([...storage.settings, ...identity.settings]);
  return settings.filter((setting) => chosen.has(setting) || !optional.has(setting));
}

const KNOWN = settings.map(({ variable }) => variable);
