import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { bucket } from "./bucket.ts";
import { configuration } from "./configuration.ts";
import { obstacle } from "../../storage/contract/scratch.ts";
import { cors } from "./cors.ts";
import { credentials } from "./credentials.ts";
import { endpoints, type Reached } from "./endpoints.ts";
import { hosts } from "./hosts.ts";
import { failed, type Findings, unknown } from "./finding.ts";
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
  /** How many days uploads wait to be confirmed at most; undefined if no policy marks them. */
  readonly waits: number | undefined;
  /** Whether the service is its own store, which has no bucket to look at. */
  readonly isEmbedded: boolean;
  /** Whether it may write what it cannot remove again. */
  readonly mayLeave: boolean;
}

/**
 * Examines the store, and tells findings as they come. It writes under scratch keys alone, which it
 * clears at the end by the store's time, also when it is interrupted. A dead store ends it within 15
 * seconds.
 */
export const examine = (examination: Examination, tell: (findings: Findings) => void) =>
  Effect.gen(function* () {
    const target = yield* openTarget;
    if (examination.isEmbedded) tell(yield* folder(target));
    tell(yield* credentials(target, examination.names));
    const reached = yield* endpoints(target);
    tell(reached.findings);
    if (reached.alive.length === 0) {
      tell([
        unknown("everything else", "the store cannot be reached, so nothing further was tried"),
      ]);
      return;
    }
    yield* target.forgetSilence;
    const clear = Effect.suspend(() =>
      examination.isEmbedded || target.scratch.names().length === 0
        ? Effect.void
        : Effect.andThen(target.forgetSilence, Effect.map(removeScratch(target), tell)),
    );
    yield* checks(target, { ...examination, alive: reached.alive }, tell).pipe(
      Effect.ensuring(clear),
      Effect.provideService(Clock.Clock, behind(yield* Clock.Clock, reached.ahead)),
    );
  });

const checks = Effect.fnUntraced(function* (
  target: Target,
  examination: Examination & Pick<Reached, "alive">,
  tell: (findings: Findings) => void,
) {
  const { names, origins, isEmbedded, largest, waits, provider, mayLeave, alive } = examination;
  const look = { origins, isEmbedded, isLook: true };
  if (isEmbedded) {
    tell(yield* cors(target, "public", look));
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
  const setUp = isKeyRefused ? Effect.succeed([]) : configuration(target, waits);
  const reason = isKeyRefused
    ? "the store refuses the service's key"
    : yield* obstacle(target, yield* target.newKey).pipe(Effect.orElseSucceed(() => undefined));
  if (reason !== undefined) {
    tell([cannotRemove(reason, { mayLeave, isFault: !isKeyRefused })]);
    if (!mayLeave) {
      tell(yield* cors(target, "public", look));
      tell(yield* setUp);
      return;
    }
  }
  tell(yield* hosts(target));
  const uploaded = yield* upload(target, names, { audiences: alive, largest });
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
  tell(yield* cors(target, audience, { ...look, isLook: key === undefined }));
  if (isKeyRefused) {
    tell([unknown("confirm", "the store refuses the service's key, so nothing was tried with it")]);
  } else if (key !== undefined) {
    tell(yield* service(target, audience, { marks: waits !== undefined }));
  }
  if (key === undefined) {
    tell([unknown("promises", "no upload works, so nothing was tried with one")]);
  } else {
    tell(yield* promises(target, audience, { provider }));
    tell(yield* publicAccess(target, audience, key));
    if (target.s3 !== undefined) tell(yield* privilege(target, audience, key));
  }
  tell(yield* setUp);
});

function cannotRemove(
  reason: string,
  { mayLeave, isFault }: { readonly mayLeave: boolean; readonly isFault: boolean },
) {
  if (mayLeave) return unknown("scratch", `what is written now cannot be removed again: ${reason}`);
  const seen = `nothing was written, since it could not be removed again: ${reason}`;
  const mend = `valetkey doctor --leave writes scratch objects all the same, below ${SCRATCH}`;
  return isFault
    ? failed("scratch", seen, "Uploads and permissions are tried with scratch objects.", mend)
    : unknown("scratch", seen, mend);
}

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
