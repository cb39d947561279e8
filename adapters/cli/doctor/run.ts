import * as Effect from "effect/Effect";
import type { StoreName } from "../../../domain/place.ts";
import { waitingDays } from "../../../domain/waiting.ts";
import { joinReads } from "../../settings/setting.ts";
import type { Env } from "../../settings/source.ts";
import { inWordsOf } from "../../storage/place-words.ts";
import type { Storage } from "../../storage/storage.ts";
import { errorReason } from "../../values/thrown.ts";
import { CommandFailure, EXIT } from "../command/failure.ts";
import { interruptible } from "../command/interruptible.ts";
import { orFail, requireStore } from "../command/configuration.ts";
import { readRedis } from "../../service/redis.ts";
import { readStore } from "../../service/settings.ts";
import { quietly } from "../command/store-log.ts";
import { readKeyNames } from "./key-names.ts";
import type { Examination } from "./doctor.ts";
import { examine, reportFolder } from "./examine.ts";
import type { Finding, OnFinding } from "./finding.ts";
import { publicUrl, redis } from "./reach.ts";
import { scanner } from "./scanner.ts";

interface Run extends Pick<Examination, "origins" | "mayLeave"> {
  /** The name of a store; the default one if left out. */
  readonly name?: StoreName | undefined;
  readonly onStart: (store: string) => unknown;
  readonly tell: OnFinding;
}

/**
 * Examines the store that the environment configures, for pages of `origins` or else of the service.
 * Rejects with a `CommandFailure` whose code is 2 if it could not run.
 */
export async function runDoctor(env: Env, { name, origins, mayLeave, onStart, tell: print }: Run) {
  const read = joinReads({ store: readStore(env, name), redis: readRedis(env) });
  const { store, redis: counter } = orFail(read, "The doctor cannot run", env, EXIT.couldNotRun);
  const { http, policies, source, storage } = requireStore(env, store);
  const { clamd } = store.scanner;
  const isEmbedded = storage.fetch !== undefined;
  const findings: Array<Finding> = [];
  const tell: OnFinding = (found) => {
    const finding = inWords(found, storage.bucket);
    findings.push(finding);
    print(finding);
  };
  onStart(storage.description);
  const all = [...policies.values()];
  const scanned = all.flatMap(({ scan, maxSize }) => (scan === "clamd" ? maxSize : []));
  const examined = examine(
    {
      names: readKeyNames(source, storage.adapter),
      origins: origins.length > 0 ? origins : http.corsOrigins,
      largest: Math.max(...all.map(({ maxSize }) => maxSize)),
      incoming: waitingDays(all),
      isDirect: all.some(({ arrival }) => arrival === "direct"),
      hasTools: all.some((policy) => policy.credentials),
      isEmbedded,
      mayLeave,
      untrusted: storage.untrusted,
    },
    tell,
  ).pipe(
    Effect.provide(quietly(storage.layer)),
    Effect.catchIf(
      () => isEmbedded,
      ({ reason }) => Effect.sync(() => reportFolder(tell, reason)),
    ),
  );
  const peers = Effect.all(
    [
      ...(counter === undefined ? [] : [redis(counter, tell)]),
      ...(clamd && scanned.length > 0 ? [scanner(clamd, Math.max(...scanned), tell)] : []),
      // The embedded store is at that address too, and is looked at anyway.
      ...(env["PUBLIC_URL"] && !isEmbedded ? [publicUrl(http.publicUrl, tell)] : []),
    ],
    { concurrency: "unbounded" },
  );
  await interruptible(async (signal) => {
    try {
      await Effect.runPromise(Effect.andThen(examined, peers), { signal });
    } catch (cause) {
      const last = findings.at(-1);
      const written = last?.check === "scratch" ? last.seen : "it had written nothing";
      throw new CommandFailure({
        code: EXIT.couldNotRun,
        message: signal.aborted
          ? `The doctor was interrupted; ${written}.`
          : `The doctor could not finish: ${errorReason(cause)}.`,
      });
    }
  });
  return { store: storage.description, findings };
}

const inWords = (finding: Finding, place: Storage["bucket"]): Finding => ({
  ...finding,
  ...Object.fromEntries(
    Object.entries(finding).map(([member, text]) => [member, inWordsOf(place, text)]),
  ),
});
