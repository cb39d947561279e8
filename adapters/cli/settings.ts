import * as Result from "effect/Result";
import { closest } from "fastest-levenshtein";
import * as http from "../http/settings.ts";
import { isLoopbackName, nameOfHost } from "../http/loopback.ts";
import * as identity from "../identity/settings.ts";
import * as policies from "../policies/settings.ts";
import { type Env, type Fault, fault, type Read, type Setting } from "../settings/setting.ts";
import { S3_LIMITS } from "../settings/storage.ts";
import * as telemetry from "../telemetry/settings.ts";
import * as tokens from "../tokens/settings.ts";
import type { Misspelt } from "./messages.ts";
import * as storage from "./storage.ts";

/** Reads the variables of all adapters, so that one message can name every one at fault. */
export function readAll(env: Env) {
  const server = http.read(env);
  const publicUrl = Result.isSuccess(server) ? server.success.publicUrl : new URL("http://unknown");
  const store = storage.read(env, publicUrl);
  const parts = {
    http: server,
    identity: identity.read(env),
    policies: policies.read(
      env,
      Result.getOrElse(store, () => S3_LIMITS),
    ),
    storage: store,
    telemetry: telemetry.read(env),
    tokens: tokens.read(env),
  };
  return allOf(parts, exposureFault(parts.http, parts.identity));
}

/** A development token that other machines could use has to be asked for. */
function exposureFault(
  server: Read<http.HttpSettings>,
  caller: Read<identity.IdentitySettings>,
): ReadonlyArray<Fault> {
  if (Result.isFailure(server) || Result.isFailure(caller) || caller.success.exposed) return [];
  const { host, publicUrl } = server.success;
  return [host, nameOfHost(publicUrl.host)].every(isLoopbackName)
    ? []
    : [
        fault(
          identity.settings.exposed,
          "must be yes where HOST or PUBLIC_URL is not of this machine: AUTH=dev lets everyone in who has the token",
        ),
      ];
}

/** Names in `env` that look like ours and are not, each with the name that was probably meant. */
export function misspelt(env: Env): ReadonlyArray<Misspelt> {
  return Object.keys(env)
    .filter((name) => /^(?:STORAGE|AUTH)_/.test(name) && !KNOWN.includes(name))
    .map((name) => ({ name, meant: closest(name, KNOWN) }));
}

const KNOWN = [
  ...storage.settings,
  ...[http, identity, policies, telemetry, tokens].flatMap((of) =>
    Object.values<Setting<unknown>>(of.settings),
  ),
].map(({ name }) => name);

type Reads = Readonly<Record<string, Read<unknown>>>;
type Successes<R extends Reads> = {
  readonly [Part in keyof R]: R[Part] extends Read<infer A> ? A : never;
};

function allOf<R extends Reads>(parts: R, further: ReadonlyArray<Fault>): Read<Successes<R>> {
  const faults: Array<Fault> = [...further];
  const values: Record<string, unknown> = {};
  for (const [part, read] of Object.entries(parts)) {
    if (Result.isSuccess(read)) values[part] = read.success;
    else faults.push(...read.failure);
  }
  return faults.length > 0 ? Result.fail(faults) : Result.succeed(values as Successes<R>);
}
