import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { bucket } from "./bucket.ts";
import { configuration } from "./configuration.ts";
import { cors } from "./cors.ts";
import { credentials } from "./credentials.ts";
import { endpoints } from "./endpoints.ts";
import { hosts } from "./hosts.ts";
import { type Findings, unknown } from "./finding.ts";
import type { KeyNames } from "./key-names.ts";
import { privilege, publicAccess } from "./privilege.ts";
import { openTarget, removeScratch, type Target } from "./target.ts";
import { promises } from "./promises.ts";
import { service } from "./service.ts";
import { upload } from "./upload.ts";

/** What the checks need to know of the configuration. */
export interface Examination {
  readonly names: KeyNames;
  /** Origins of pages that upload. */
  readonly origins: ReadonlyArray<string>;
  readonly provider: string;
  /** Whether a policy marks uploads until they are confirmed. */
  readonly marks: boolean;
  /** Whether the service is its own store, which has no bucket to look at. */
  readonly isEmbedded: boolean;
}

/**
 * Examines the store, and tells findings as they come. It writes under scratch keys alone, which it
 * clears at the end, also when it is interrupted. A dead store ends it within 15 seconds.
 */
export const examine = (examination: Examination, tell: (findings: Findings) => void) =>
  Effect.flatMap(openTarget, (target) =>
    Effect.ensuring(
      checks(target, examination, tell),
      examination.isEmbedded
        ? Effect.void
        : Effect.suspend(() => (target.keys.length > LOOKS ? clear(target, tell) : Effect.void)),
    ),
  );

/** The keys that are used before anything is written. */
const LOOKS = 2;

const clear = (target: Target, tell: (findings: Findings) => void) =>
  removeScratch(target).pipe(
    Effect.timeoutOrElse({
      duration: "10 seconds",
      orElse: () =>
        Effect.succeed([
          unknown("scratch", "scratch objects may be left below orgs/valetkey-doctor/"),
        ]),
    }),
    Effect.map(tell),
  );

const checks = Effect.fnUntraced(function* (
  target: Target,
  examination: Examination,
  tell: (findings: Findings) => void,
) {
  const { names, origins, isEmbedded, marks, provider } = examination;
  tell(yield* credentials(target, names));
  const reached = yield* endpoints(target);
  tell(reached.findings);
  if (reached.alive.length === 0) {
    tell([unknown("everything else", "the store cannot be reached, so nothing further was tried")]);
    return;
  }
  yield* target.forgetSilence;
  const rest = Effect.gen(function* () {
    if (isEmbedded) {
      tell(yield* cors(target, "public", { origins, isEmbedded, isLook: true }));
      return;
    }
    const { findings, isThere } = yield* bucket(target, names);
    tell(findings);
    if (!isThere) {
      tell([unknown("everything else", "without the bucket nothing further was tried")]);
      return;
    }
    tell(yield* hosts(target));
    const uploaded = yield* upload(target, names, reached.alive);
    tell(uploaded.findings);
    const { audience = "public", key } = uploaded;
    tell(yield* cors(target, audience, { origins, isEmbedded, isLook: key === undefined }));
    if (key === undefined) {
      tell([unknown("promises", "no upload works, so nothing was tried with one")]);
    } else {
      tell(yield* service(target, audience, { stored: key, marks }));
      tell(yield* promises(target, audience, { provider }));
      tell(yield* publicAccess(target, audience, key));
      if (target.s3 !== undefined) tell(yield* privilege(target, audience, key));
    }
    if (target.s3 !== undefined) tell(yield* configuration(target, marks));
  });
  yield* Effect.provideService(rest, Clock.Clock, behind(yield* Clock.Clock, reached.ahead));
});

/** A clock that is corrected by so many milliseconds. */
const behind = (clock: Clock.Clock, ahead: number): Clock.Clock => {
  if (ahead === 0) return clock;
  const currentTimeMillisUnsafe = () => clock.currentTimeMillisUnsafe() - ahead;
  return {
    ...clock,
    sleep: (duration) => clock.sleep(duration),
    currentTimeMillisUnsafe,
    currentTimeMillis: Effect.sync(currentTimeMillisUnsafe),
  };
};
