import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { bucket } from "./bucket.ts";
import { configuration } from "./configuration.ts";
import { cors } from "./cors.ts";
import { credentials } from "./credentials.ts";
import { endpoints } from "./endpoints.ts";
import { hosts } from "./hosts.ts";
import { type Findings, unknown } from "./finding.ts";
import { folder } from "./folder.ts";
import type { KeyNames } from "./key-names.ts";
import { privilege } from "./privilege.ts";
import { openTarget, removeScratch, SCRATCH, type Target } from "./target.ts";
import { promises } from "./promises.ts";
import { publicAccess } from "./public-access.ts";
import { service } from "./service.ts";
import { signatures } from "./signatures.ts";
import { upload } from "./upload.ts";

/** What the checks need to know of the configuration. */
export interface Examination {
  readonly names: KeyNames;
  /** Origins of pages that upload. */
  readonly origins: ReadonlyArray<string>;
  readonly provider: string;
  /** The largest file that a policy allows, in bytes. */
  readonly largest: number;
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
        : Effect.suspend(() => (target.mayHaveWritten() ? clear(target, tell) : Effect.void)),
    ),
  );

const clear = (target: Target, tell: (findings: Findings) => void) =>
  removeScratch(target).pipe(
    Effect.timeoutOrElse({
      duration: "10 seconds",
      orElse: () =>
        Effect.succeed([unknown("scratch", `scratch objects may be left below ${SCRATCH}`)]),
    }),
    Effect.map(tell),
  );

const checks = Effect.fnUntraced(function* (
  target: Target,
  examination: Examination,
  tell: (findings: Findings) => void,
) {
  const { names, origins, isEmbedded, largest, marks, provider } = examination;
  if (isEmbedded) tell(yield* folder(target));
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
    const { findings, isThere, isKeyRefused } = yield* bucket(target, names);
    tell(findings);
    if (!isThere) {
      tell([unknown("everything else", "without the bucket nothing further was tried")]);
      return;
    }
    const isOneKey = [names.put, names.get].every(({ from }) => from === names.service.from);
    if (isKeyRefused && isOneKey) {
      tell([unknown("everything else", "the store refuses the key, so nothing further was tried")]);
      return;
    }
    tell(yield* hosts(target));
    const uploaded = yield* upload(target, names, { audiences: reached.alive, largest });
    tell(uploaded.findings);
    const { audience = "public", key } = uploaded;
    if (key !== undefined) {
      const { findings, areVerified } = yield* signatures(target, audience);
      tell(findings);
      if (!areVerified) {
        tell([unknown("everything else", "without signatures nothing else holds")]);
        return;
      }
    }
    tell(yield* cors(target, audience, { origins, isEmbedded, isLook: key === undefined }));
    if (isKeyRefused) {
      tell([
        unknown("confirm", "the store refuses the service's key, so nothing was tried with it"),
      ]);
    } else if (key !== undefined) {
      tell(yield* service(target, audience, { marks }));
    }
    if (key === undefined) {
      tell([unknown("promises", "no upload works, so nothing was tried with one")]);
    } else {
      tell(yield* promises(target, audience, { provider }));
      tell(yield* publicAccess(target, audience, key));
      if (target.s3 !== undefined) tell(yield* privilege(target, audience, key));
    }
    if (target.s3 !== undefined && !isKeyRefused) tell(yield* configuration(target, marks));
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
