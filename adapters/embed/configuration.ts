import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import type { StoreCapabilities } from "../../application/ports/store-capabilities.ts";
import { defaultPolicy } from "../../domain/upload-policy.ts";
import * as http from "../http/settings.ts";
import type { SharedLimiter } from "../limits/layer.ts";
import * as limits from "../limits/settings.ts";
import { policiesOf } from "../policies/complete.ts";
import {
  allOf,
  type Fault,
  fault,
  optional,
  type Read,
  readSettings,
  setting,
} from "../settings/setting.ts";
import { S3_CAPABILITIES } from "../storage/providers.ts";
import * as tokens from "../tokens/settings.ts";
import { SharedCount, Storage } from "./opaque.ts";
import { envOf, orThrow } from "./options.ts";
import type { PolicyOptions, ValetkeyOptions } from "./valetkey-options.ts";

/** No variable: the service has an origin of its own. */
const basePath = optional(
  setting("BASE_PATH", {
    codec: Schema.String.check(Schema.isPattern(/^(?:\/[\w~-][\w.~-]*)+$/)),
    shape: "a path that begins with a slash and does not end with one",
    example: "/uploads",
  }),
);

const settings = {
  basePath,
  publicUrl: http.settings.publicUrl,
  corsOrigins: http.settings.corsOrigins,
  trustedProxies: http.settings.trustedProxies,
  receiptKeys: tokens.settings.keys,
  linksDenied: tokens.settings.denied,
};
const limitSettings = {
  requestsPerSubject: limits.settings.subject,
  requestsPerOrganization: limits.settings.organization,
  failedAuthentications: limits.settings.failedAuthentications,
  bytesPerDay: limits.settings.bytes,
  objectsPerDay: limits.settings.objects,
  onFailure: limits.settings.onFailure,
};
const all = {
  ...settings,
  ...Object.fromEntries(
    Object.entries(limitSettings).map(([name, setting]) => [`limits.${name}`, setting]),
  ),
};

const OTHERS: ReadonlyArray<keyof ValetkeyOptions> = [
  "storage",
  "policy",
  "policies",
  "organizations",
  "authenticate",
  "onConfirmed",
  "limits",
  "openapi",
  "log",
];

/** Reads the options; throws a `TypeError` that tells of every one that is wrong. */
export function configurationOf(options: ValetkeyOptions<never>) {
  const { limits: { countIn, ...limited } = {}, ...rest } = options ?? {};
  const { storage, policy, policies, ...others } = rest;
  const { organizations, authenticate, onConfirmed, log, openapi: _, ...variables } = others;
  const own = envOf(variables, settings, OTHERS);
  const ofLimits = envOf(limited, limitSettings);
  const faults = [
    ...own.faults,
    ...ofLimits.faults,
    ...functionFaults({ organizations, authenticate, onConfirmed, log }),
  ];
  // Of two policies of one name, one would be kept by nobody.
  if (Object.hasOwn(policies ?? {}, "files")) {
    faults.push({ name: "policies.files", problem: "is set by policy; put it there", example: "" });
  }
  // Never from a request, and nobody would find an address of this machine.
  if (!variables.publicUrl) faults.push(fault(settings.publicUrl, "must be set"));
  const server = Result.map(
    allOf({ mount: readSettings({ basePath }, own.env), http: http.read(own.env) }, []),
    ({ mount, http }) => ({ ...http, publicUrl: new URL(mount.basePath ?? "/", http.publicUrl) }),
  );
  const at = Result.isSuccess(server) ? server.success.publicUrl : new URL("http://unknown");
  const store = Result.map(Storage.open(storage), (option) => ({
    ...option.at(at),
    settings: option.settings,
  }));
  const capabilities = Result.isSuccess(store) ? store.success.capabilities : S3_CAPABILITIES;
  const read = allOf(
    {
      store,
      countIn: countIn === undefined ? EACH_FOR_ITSELF : SharedCount.open(countIn),
      http: server,
      limits: limits.read(ofLimits.env),
      policies: readPolicies({ ...policies, files: policy ?? {} }, capabilities),
      tokens: tokens.read(own.env),
    },
    [],
  );
  return orThrow(read, { what: "Valetkey", settings: all, faults });
}

const EACH_FOR_ITSELF: Read<SharedLimiter | undefined> = Result.succeed(undefined);

const readPolicies = (
  policies: Readonly<Record<string, PolicyOptions>>,
  store: StoreCapabilities,
): Read<ReadonlyMap<string, typeof defaultPolicy>> =>
  Result.mapError(policiesOf(inDocument(policies), defaultPolicy, store), (faults) =>
    faults.map(({ pointer, reason }) => {
      const [, name = "", member = ""] = pointer.split("/");
      const where = name === "files" ? "policy" : `policies.${name}`;
      const problem = reason.replace(/^it is/, "is").replaceAll(SNAKE, camel);
      return { name: `${where}${member && `.${camel(member)}`}`, problem, example: "" };
    }),
  );

/** Policies as the document of them has it, whose members are named otherwise. */
const inDocument = (policies: Readonly<Record<string, PolicyOptions>>) =>
  Object.fromEntries(
    Object.entries(policies).map(([name, policy]) => [
      name,
      Object.fromEntries(
        Object.entries(policy).flatMap(([member, value]) =>
          value === undefined ? [] : [[snake(member), value]],
        ),
      ),
    ]),
  );

const SNAKE = /\b[a-z]+(?:_[a-z]+)+\b/g;
const snake = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const camel = (name: string) =>
  name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

function functionFaults({
  organizations,
  ...optional
}: Readonly<Record<string, unknown>>): Array<Fault> {
  const faults: Array<Fault> = [];
  const problem = "must be a function";
  if (typeof organizations !== "function") {
    faults.push({
      name: "organizations",
      problem,
      example: "(slug, caller) => idOfTheirOrganization(slug, caller.id)",
    });
  }
  for (const [name, value] of Object.entries(optional)) {
    if (value !== undefined && typeof value !== "function") {
      faults.push({ name, problem, example: "" });
    }
  }
  return faults;
}
