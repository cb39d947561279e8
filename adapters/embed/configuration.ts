import * as Predicate from "effect/Predicate";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { DEFAULT_POLICY, defaultPolicy } from "../../domain/upload-policy.ts";
import * as http from "../http/settings.ts";
import * as limits from "../limits/settings.ts";
import { completePolicies } from "../service/policies/document.ts";
import { joinReads, fault, optional, readSettings } from "../settings/setting.ts";
import { options as optionsIn } from "../settings/source.ts";
import { ABLEST } from "../storage/providers.ts";
import * as scanner from "../content/settings.ts";
import * as tokens from "../tokens/settings.ts";
import { Events, SharedCount, Storage } from "./opaque.ts";
import type { MemberFault } from "../values/decode.ts";
import { optionFault, optionNames, orThrow, unknownOptions } from "./options.ts";
import type { ValetkeyOptions } from "./valetkey-options.ts";

/** No variable: the service has an origin of its own. */
const basePath = optional({
  variable: "basePath",
  option: "basePath",
  meaning: "The path under which the host serves `fetch`.",
  codec: Schema.String.check(Schema.isPattern(/^(?:\/[\w~-][\w.~-]*)+$/)),
  shape: "a path that begins with a slash and does not end with one",
  example: "/uploads",
});

const FUNCTIONS = ["organizations", "authenticate", "onConfirmed", "log"] as const;
const OTHERS = ["storage", "policy", "policies", "events", "limits", "openapi"] as const;
const { keys } = tokens.settings;
const OPTIONS: ReadonlyArray<string> = [
  ...optionNames({ basePath, ...http.settings, keys, ...scanner.settings }),
  ...FUNCTIONS,
  ...OTHERS,
];
const LIMIT_OPTIONS = [...optionNames(limits.settings), "limits.countIn"];

/** Reads the options; throws a `TypeError` that names every one that is wrong. */
export function readConfiguration(given: ValetkeyOptions) {
  const options: Partial<ValetkeyOptions> = given ?? {};
  const { policy = {}, policies, events, limits: { countIn } = {}, publicUrl } = options;
  const source = optionsIn(options);
  const server = Result.map(
    joinReads({ mount: readSettings({ basePath }, source), http: http.read(source) }),
    ({ mount, http }) => ({ ...http, publicUrl: new URL(mount.basePath ?? "/", http.publicUrl) }),
  );
  const at = Result.isSuccess(server) ? server.success.publicUrl : new URL("http://unknown");
  const store = Result.map(Storage.open(options.storage), (storeAt) => storeAt(at));
  const capabilities = Result.isSuccess(store) ? store.success.capabilities : ABLEST;
  const read = joinReads({
    store,
    countIn: countIn === undefined ? Result.succeed(undefined) : SharedCount.open(countIn),
    events: events === undefined ? Result.succeed(undefined) : Events.open(events),
    http: server,
    limits: limits.read(source),
    scanner: scanner.read(source),
    policies: Result.mapError(
      completePolicies(
        { ...policies, [DEFAULT_POLICY]: policy },
        {
          files: defaultPolicy,
          store: capabilities,
          spelling: "option",
          hasClamd: options.clamdAddress !== undefined,
        },
      ),
      policyFaults,
    ),
    tokens: tokens.read(source),
  });
  return orThrow("Valetkey", read, [
    ...unknownOptions(options, OPTIONS),
    ...unknownOptions(options.limits, LIMIT_OPTIONS, "limits."),
    ...functionFaults(options),
    // Two policies would have this name.
    ...(Object.hasOwn(policies ?? {}, DEFAULT_POLICY)
      ? [optionFault("policies.files", "is set by policy; put it there")]
      : []),
    // The address of the host is not known here, and that of a request is not trusted.
    ...(Predicate.isNullish(publicUrl) ? [fault(http.settings.publicUrl, "must be set")] : []),
  ]);
}

/** Faults of policies, by the options that they were given as. */
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
