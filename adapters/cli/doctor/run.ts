import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as redis from "../../limits/redis/settings.ts";
import { allOf } from "../../settings/setting.ts";
import { type Env, variables } from "../../settings/source.ts";
import { reasonOf } from "../../thrown.ts";
import { CommandFailure, EXIT } from "../command.ts";
import { interruptible } from "../interruptible.ts";
import { configurationMessage } from "../messages.ts";
import { misspellings, readStore } from "../settings.ts";
import { quietly } from "../with-store.ts";
import { explain } from "./explain.ts";
import type { Cause, FailedRequest } from "./explain/cause.ts";
import { examine } from "./examine.ts";
import type { Finding, Findings } from "./finding.ts";
import { unusableFolder } from "./folder.ts";
import { keyNamesOf } from "./key-names.ts";
import { publicUrl } from "./public-url.ts";
import { counter } from "./redis.ts";

/** How the doctor is run. */
interface Run {
  /** Origins of pages; those of the service if empty. */
  readonly origins: ReadonlyArray<string>;
  /** Whether it may write what it cannot remove again. */
  readonly mayLeave: boolean;
  readonly onStart: (store: string) => unknown;
  /** Gets each finding as soon as it is there. */
  readonly tell: (finding: Finding) => unknown;
}

/**
 * Examines the store that the environment configures. Rejects with a `CommandFailure` whose code is
 * 2 if it could not run.
 */
export async function runDoctor(env: Env, { origins, mayLeave, onStart, tell }: Run) {
  const read = allOf({ store: readStore(env), redis: redis.read(variables(env)) });
  if (Result.isFailure(read)) {
    const message = configurationMessage("The doctor cannot run", read.failure, misspellings(env));
    throw new CommandFailure({ code: EXIT.couldNotRun, message });
  }
  const { http, policies, storage } = read.success.store;
  const isEmbedded = storage.fetch !== undefined;
  const findings: Array<Finding> = [];
  const found = (more: Findings) => {
    for (const finding of more) {
      findings.push(finding);
      tell(finding);
    }
  };
  onStart(storage.description);
  const adapter = env["STORAGE_ADAPTER"] || "local";
  const [waits] = [...policies.values()]
    .flatMap(({ unconfirmedAfter }) => unconfirmedAfter ?? [])
    .toSorted((a, b) => b - a);
  const examined = examine(
    {
      names: keyNamesOf(env, adapter),
      origins: origins.length > 0 ? origins : http.corsOrigins,
      provider: storage.description.split(" at ")[0] ?? "",
      largest: Math.max(...[...policies.values()].map(({ maxSize }) => maxSize)),
      waits,
      isEmbedded,
      mayLeave,
    },
    found,
  ).pipe(
    Effect.provide(quietly(storage.layer)),
    Effect.catchIf(
      () => isEmbedded,
      ({ reason }) => Effect.sync(() => found([unusableFolder(reason)])),
    ),
  );
  const around = Effect.all(
    [
      ...(read.success.redis === undefined ? [] : [counter(read.success.redis)]),
      // The embedded store is at that address too, and is looked at anyway.
      ...(env["PUBLIC_URL"] && !isEmbedded ? [publicUrl(http.publicUrl)] : []),
    ],
    { concurrency: "unbounded" },
  ).pipe(Effect.map((all) => found(all.flat())));
  await interruptible(async (signal) => {
    try {
      await Effect.runPromise(Effect.andThen(examined, around), { signal });
    } catch (cause) {
      throw new CommandFailure({
        code: EXIT.couldNotRun,
        message: signal.aborted
          ? `The doctor was interrupted; ${findings.at(-1)?.check === "scratch" ? findings.at(-1)?.seen : "it had written nothing"}.`
          : `The doctor could not finish: ${reasonOf(cause)}.`,
      });
    }
  });
  return { store: storage.description, findings };
}

/**
 * Says what differs between a signed URL and a request with it that failed. Hosts and access keys
 * are those of the environment, as far as its configuration names them.
 */
export function runExplain(
  env: Env,
  failed: Omit<FailedRequest, "now" | "hosts" | "accessKeys">,
): ReadonlyArray<Cause> {
  const hosts = ["STORAGE_PUBLIC_ENDPOINT", "STORAGE_ENDPOINT"].flatMap((name) => {
    const endpoint = env[name];
    return endpoint && URL.canParse(endpoint) ? hostsOf(new URL(endpoint), env) : [];
  });
  const keys = ["", "PUT_", "GET_"].flatMap((use) => env[`STORAGE_${use}ACCESS_KEY`] ?? []);
  // A role or the usual chain signs with other keys than these.
  const isKnown = env["STORAGE_ACCESS_KEY"] && !env["STORAGE_PUT_ROLE"] && !env["STORAGE_GET_ROLE"];
  const accessKeys = isKnown ? keys : [];
  return explain({ ...failed, now: Date.now(), hosts, accessKeys });
}

/** With the bucket in the path, or in the host. */
const hostsOf = ({ host }: URL, { STORAGE_BUCKET: bucket = "files" }: Env) => [
  host,
  `${bucket}.${host}`,
];
