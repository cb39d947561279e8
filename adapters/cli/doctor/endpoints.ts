import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { Audience } from "../../../application/ports/presigner.ts";
import { clockFault } from "../../storage/rest/refusal-reason.ts";
import { failed, type Finding, type Findings, passed, unknown } from "./finding.ts";
import { isOfStore, notAStore } from "./not-a-store.ts";
import type { Target } from "./target.ts";
import { dead, NEEDED_BY } from "./unreachable.ts";

/** What the endpoints showed. */
export interface Reached {
  readonly findings: Findings;
  /** The endpoints that answer, that of browsers first; empty if the store is dead. */
  readonly alive: ReadonlyArray<Audience>;
  /** By how many milliseconds this machine's clock is ahead of the store's, if that matters. */
  readonly ahead: number;
}

/** The setting of each endpoint. */
const SETTING = { internal: "STORAGE_ENDPOINT", public: "STORAGE_PUBLIC_ENDPOINT" } as const;

/** Asks each endpoint with a signed URL of ours: whether it answers, and what its clock says. */
export const endpoints = (target: Target): Effect.Effect<Reached> =>
  Effect.gen(function* () {
    const key = yield* target.newKey;
    const asked = yield* Effect.forEach(
      ["internal", "public"] as const,
      (audience) =>
        Effect.gen(function* () {
          const signed = yield* target.signGet(key, { audience });
          const answer = yield* Effect.result(target.send("GET", signed.url));
          const now = yield* Clock.currentTimeMillis;
          return { audience, origin: new URL(signed.url).origin, answer, now };
        }),
      { concurrency: 2 },
    );
    const [internal, external] = asked;
    const places = internal?.origin === external?.origin ? asked.slice(1) : asked;
    const findings: Array<Finding> = [];
    const alive: Array<Audience> = [];
    let ahead = 0;
    const clocks: Array<Finding> = [];
    for (const { audience, origin, answer, now } of places) {
      const name = places.length === 1 ? "endpoint" : `${audience} endpoint`;
      const setting = places.length === 1 ? SETTING.internal : SETTING[audience];
      if (answer._tag === "Failure") {
        const bucket = target.s3?.bucket;
        findings.push(dead({ name, origin, setting, audience, bucket }, answer.failure));
        continue;
      }
      const { headers } = answer.success;
      if (!isOfStore(answer.success)) {
        const [problem, mend] = notAStore(answer.success, setting);
        findings.push(failed(name, `${origin} ${problem}`, NEEDED_BY[audience], mend));
        continue;
      }
      alive.push(audience);
      findings.push(
        passed(
          name,
          `${origin} answers${origin.startsWith("https:") ? ", with a valid certificate" : ""}`,
        ),
      );
      const fault = clockFault(headers.date, now);
      const isTold = !Number.isNaN(Date.parse(headers.date ?? ""));
      if (fault === undefined && isTold) continue;
      if (fault !== undefined) ahead = now - Date.parse(headers.date ?? "");
      clocks.push(
        fault === undefined
          ? unknown("clock", `${origin} does not tell its time (Date), or a proxy removes it`)
          : failed(
              "clock",
              fault.replace(/;.*/, ""),
              "A store refuses a URL whose time is not its own, so every upload is a 403. The checks below go on with the store's time.",
              "sudo timedatectl set-ntp true, on the machine whose clock is wrong",
            ),
      );
    }
    if (alive.length > 0 && clocks.length === 0) {
      clocks.push(passed("clock", "this machine and the store differ by less than a minute"));
    }
    return { findings: [...findings, ...clocks.slice(0, 1)], alive: alive.toReversed(), ahead };
  }).pipe(
    Effect.catch(({ reason }) =>
      Effect.succeed({
        findings: [unknown("endpoint", `the store was not asked: ${reason}`)],
        alive: [],
        ahead: 0,
      }),
    ),
  );
