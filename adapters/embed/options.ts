import * as Predicate from "effect/Predicate";
import * as Record from "effect/Record";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { closest } from "fastest-levenshtein";
import { DEFAULT_POLICY, defaultPolicy } from "../../domain/upload-policy.ts";
import { DEFAULT_STORE, StoreName } from "../../domain/place.ts";
import * as scanner from "../content/settings.ts";
import * as cdn from "../delivery/cdn/settings.ts";
import * as images from "../delivery/images/settings.ts";
import * as http from "../http/settings.ts";
import * as limits from "../limits/settings.ts";
import { ANY_STORE, completePolicies, withCdn } from "../service/policies/document.ts";
import {
  fault,
  type Fault,
  joinReads,
  optional,
  optionFault,
  type Read,
  readSettings,
  sentenceFor,
  type Settings,
} from "../settings/setting.ts";
import {
  type Env,
  OPTIONS,
  options as optionsIn,
  say,
  type Source,
  VARIABLES,
} from "../settings/source.ts";
import { pathOf, type Storage, type Store } from "../storage/storage.ts";
import * as tokens from "../tokens/settings.ts";
import type { MemberFault } from "../values/decode.ts";
import { Events, SharedCount, Storage as Opaque } from "./arguments.ts";
import type { ValetkeyOptions } from "./valetkey.ts";

/** Has no variable: the service has its whole origin. */
const basePath = optional({
  variable: "basePath",
  option: "basePath",
  meaning: "The path under which the host serves `fetch`.",
  codec: Schema.String.check(Schema.isPattern(/^(?:\/[\w~-][\w.~-]*)+$/)),
  shape: "a path that begins with a slash and does not end with one",
  example: "/uploads",
});

const FUNCTIONS = ["organizations", "storeOf", "authenticate", "onConfirmed", "log"] as const;
const OTHERS = ["storage", "stores", "policy", "policies", "events", "limits", "openapi"] as const;
const { keys } = tokens.settings;
const VALETKEY_OPTIONS: ReadonlyArray<string> = [
  ...optionNames({ basePath, ...http.settings, keys, ...scanner.settings }),
  ...optionNames(cdn.settings),
  ...optionNames(images.settings),
  ...FUNCTIONS,
  ...OTHERS,
];
const LIMIT_OPTIONS = [...optionNames(limits.settings), "limits.countIn"];

/** Reads the options; throws a `TypeError` that names every wrong one. */
export function readConfiguration(input: ValetkeyOptions) {
  const options: Partial<ValetkeyOptions> = input ?? {};
  const { policy = {}, policies, events, limits: { countIn } = {}, publicUrl } = options;
  const source = optionsIn(options);
  const server = Result.map(
    joinReads({ mount: readSettings({ basePath }, source), http: http.read(source) }),
    ({ mount, http }) => ({ ...http, publicUrl: new URL(mount.basePath ?? "/", http.publicUrl) }),
  );
  const at = Result.isSuccess(server) ? server.success.publicUrl : new URL("http://unknown");
  const store = Result.map(Opaque.open(options.storage), (storeAt) => storeAt(at));
  const { stores } = options;
  const named = stores === undefined ? Result.succeed(undefined) : namedStores(stores, at);
  const read = joinReads({
    store,
    stores: named,
    countIn: countIn === undefined ? Result.succeed(undefined) : SharedCount.open(countIn),
    events: events === undefined ? Result.succeed(undefined) : Events.open(events),
    http: server,
    cdn: cdn.read(source),
    images: images.read(source),
    limits: limits.read(source),
    scanner: scanner.read(source),
    policies: Result.mapError(
      completePolicies(
        { ...policies, [DEFAULT_POLICY]: policy },
        {
          files: defaultPolicy,
          // Each of several keeps those that it can.
          store:
            stores === undefined
              ? withCdn(
                  Result.getOrElse(store, () => ANY_STORE),
                  options.cdnUrl,
                )
              : ANY_STORE,
          spelling: "option",
          hasClamd: options.clamdAddress !== undefined,
        },
      ),
      policyFaults,
    ),
    tokens: tokens.read(source),
  });
  return orThrow("Valetkey", read, [
    ...unknownOptions(options, VALETKEY_OPTIONS),
    ...unknownOptions(options.limits, LIMIT_OPTIONS, "limits."),
    ...functionFaults(options),
    ...(options.storeOf !== undefined && stores === undefined
      ? [optionFault("stores", "must be set where storeOf is")]
      : []),
    // Two policies would have this name.
    ...(Object.hasOwn(policies ?? {}, DEFAULT_POLICY)
      ? [optionFault("policies.files", "is set by policy; put it there")]
      : []),
    // The host's address is not known here, and that of a request is not trusted.
    ...(Predicate.isNullish(publicUrl) ? [fault(http.settings.publicUrl, "must be set")] : []),
  ]);
}

/** Opens the stores at their own paths. */
function namedStores(
  stores: NonNullable<ValetkeyOptions["stores"]>,
  publicUrl: URL,
): Read<ReadonlyMap<StoreName, Storage>> {
  const opened = new Map<StoreName, Storage>();
  const faults: Array<Fault> = [];
  for (const [name, storage] of Object.entries(stores)) {
    const option = `stores.${name}`;
    const read = Opaque.open(storage);
    if (!isStoreName(name)) faults.push(optionFault(option, NO_NAME));
    else if (name === DEFAULT_STORE) faults.push(optionFault(option, "is set by storage"));
    else if (Result.isSuccess(read)) opened.set(name, read.success(publicUrl, pathOf(name)));
    else faults.push(...read.failure.map(({ problem }) => optionFault(option, String(problem))));
  }
  return faults.length > 0 ? Result.fail(faults) : Result.succeed(opened);
}

const isStoreName = Schema.is(StoreName);
const NO_NAME = "must be named by 1 to 63 lower-case letters, digits and hyphens, a letter first";

/** Returns faults of policies, named by the options that set them. */
const policyFaults = (faults: ReadonlyArray<MemberFault>) =>
  faults.map(({ pointer, reason }) => {
    const [, name = "", ...members] = pointer.split("/");
    const where = name === DEFAULT_POLICY ? "policy" : `policies.${name}`;
    return optionFault([where, ...members].join("."), reason.slice("it ".length));
  });

const functionFaults = (options: Partial<ValetkeyOptions>) =>
  FUNCTIONS.filter((name) => name === "organizations" || options[name] !== undefined)
    .filter((name) => typeof options[name] !== "function")
    .map((name) => {
      const example = "(slug, caller) => idOfTheirOrganization(slug, caller.id)";
      return optionFault(name, "must be a function", name === "organizations" ? example : "");
    });

/** Reads the options of a store, and variables of its cloud's tools, but none of this package. */
export function storageFrom(what: string, options: object, store: Store): Opaque {
  const env = Record.filter(process.env, (_, name) => !name.startsWith("STORAGE_"));
  return new Opaque(readOptions(what, options, { ...store, env }));
}

/**
 * Reads the settings of an adapter from options, and from `env` with the variables of a cloud's
 * tools. Throws a `TypeError` that says `what` cannot be made and names every wrong option.
 */
export function readOptions<A>(
  what: string,
  options: object,
  adapter: {
    readonly settings: Settings;
    readonly read: (source: Source) => Read<A>;
    readonly env?: Env;
  },
): A {
  const faults = unknownOptions(options, optionNames(adapter.settings));
  return orThrow(what, adapter.read(optionsIn(options, adapter.env)), faults);
}

function optionNames(settings: Settings): ReadonlyArray<string> {
  return Object.values(settings).flatMap(({ option }) => option ?? []);
}

/** Returns a fault for each option that is not one of `known`, whose names begin with `prefix`. */
const unknownOptions = (
  options: object | undefined,
  known: ReadonlyArray<string>,
  prefix = "",
): ReadonlyArray<Fault> =>
  Object.entries(options ?? {})
    .map(([name, value]) => ({ name: `${prefix}${name}`, value }))
    .filter(({ name, value }) => value !== undefined && !known.includes(name))
    .map(({ name }) => {
      const meant =
        known.find((option) => option === CLIENT_OPTIONS.get(name)) ?? closest(name, known);
      const problem = `is not an option; did you mean ${meant}? The options are ${known.join(", ")}`;
      return optionFault(name, problem);
    });

/** Options of the stores' official clients whose spelling is nearer to another option here. */
const CLIENT_OPTIONS = new Map([
  ["secretAccessKey", "secretKey"],
  ["keyFilename", "credentialsFile"],
]);

/** Returns what was read; throws a `TypeError` with all faults, also the `further` ones. */
export function orThrow<A>(
  what: string,
  read: Read<A>,
  further: ReadonlyArray<Fault> = [],
  words = OPTIONS,
): A {
  if (Result.isSuccess(read) && further.length === 0) return read.success;
  const faults = [...further, ...(Result.isFailure(read) ? read.failure : [])];
  const lines = faults.map((fault) => {
    const example = say(fault.example, words);
    return `  ${sentenceFor(fault, words)}${example && `, for example ${example}`}\n`;
  });
  const wrong = words === VARIABLES ? "variables" : "options";
  throw new TypeError(`${what} cannot be made: invalid ${wrong}\n${lines.join("")}`);
}
