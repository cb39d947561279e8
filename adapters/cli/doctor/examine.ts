import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { Audience } from "../../../application/ports/presigner.ts";
import { obstacle } from "../../contract/running/scratch.ts";
import { bucket } from "./bucket.ts";
import { certificate } from "./certificate.ts";
import { lifecycle } from "./lifecycle.ts";
import { cors } from "./cors.ts";
import { credentials } from "./credentials.ts";
import { type Doctor, type Examination, openDoctor, removeScratch, SCRATCH } from "./doctor.ts";
import { reportTo, type OnFinding } from "./finding.ts";
import { confirm, parts } from "./promised.ts";
import { forgedUpload, privilege } from "./privilege.ts";
import { publicAccess } from "./public-access.ts";
import { endpoints } from "./reach.ts";
import { signatures, upload } from "./upload.ts";

/**
 * Examines the store, and reports findings as they come. It writes only under scratch keys, which
 * it clears at the end by the store's time, also when interrupted. A dead store ends it within 15
 * seconds.
 */
export const examine = Effect.fnUntraced(function* (examination: Examination, tell: OnFinding) {
  const doctor = yield* openDoctor(examination, tell);
  if (doctor.isEmbedded) yield* folder(doctor, tell);
  yield* credentials(doctor);
  const { alive, ahead } = yield* endpoints(doctor);
  if (alive.length === 0) return skip(doctor, "the store cannot be reached");
  yield* doctor.forgetSilence;
  const checks = doctor.isEmbedded ? cors(doctor, { isLook: true }) : bucketChecks(doctor, alive);
  return yield* checks.pipe(
    Effect.ensuring(removeScratch(doctor)),
    Effect.provideService(Clock.Clock, behind(yield* Clock.Clock, ahead)),
  );
});

const skip = ({ report }: Doctor, reason: string): void =>
  report("everything else").unknown(`${reason}, so nothing further was tried`);

const bucketChecks = Effect.fnUntraced(function* (doctor: Doctor, alive: ReadonlyArray<Audience>) {
  const { names, mayLeave } = doctor;
  const state = yield* bucket(doctor);
  if (state === "unusable") return skip(doctor, "the bucket cannot be used");
  yield* certificate(doctor);
  const isKeyRefused = state === "key refused";
  const isOneKey = [names.put, names.get].every(({ from }) => from === names.service.from);
  if (isKeyRefused && isOneKey) return skip(doctor, "the store refuses the key");
  const reason = isKeyRefused
    ? "the store refuses the service's key"
    : yield* obstacle(doctor, doctor.newKey()).pipe(Effect.orElseSucceed(() => undefined));
  const rules = isKeyRefused ? Effect.void : lifecycle(doctor);
  if (reason !== undefined) {
    reportObstacle(doctor, reason, isKeyRefused);
    if (!mayLeave) return yield* Effect.andThen(cors(doctor, { isLook: true }), rules);
  }
  const stored = yield* upload(doctor, alive);
  if (stored !== undefined && (yield* signatures(doctor)) === false) {
    return skip(doctor, "the store verifies no signatures");
  }
  yield* cors(doctor, { isLook: stored === undefined });
  if (stored !== undefined) {
    yield* publicAccess(doctor, stored);
    if (doctor.s3 !== undefined) {
      yield* privilege(doctor, stored);
      yield* forgedUpload(doctor);
    }
    if (!isKeyRefused) {
      yield* confirm(doctor);
      if (doctor.store.parts !== undefined) yield* parts(doctor);
    }
  }
  return yield* rules;
});

function reportObstacle({ report, mayLeave }: Doctor, reason: string, isKeyRefused: boolean): void {
  const { failed, unknown } = report("scratch");
  const seen = `nothing was written, since it could not be removed again: ${reason}`;
  const mend = `valetkey doctor --leave writes scratch objects all the same, below ${SCRATCH}`;
  if (mayLeave) unknown(`what is written now cannot be removed again: ${reason}`);
  else if (isKeyRefused) unknown(seen, mend);
  else failed(seen, "Uploads and permissions are tried with scratch objects.", mend);
}

const folder = ({ store }: Doctor, tell: OnFinding) =>
  Effect.match(store.ensureBucket, {
    onSuccess: () => reportTo(tell, "folder").passed("the embedded store can write to its folder"),
    onFailure: ({ reason }) => reportFolder(tell, reason),
  });

/** Reports an unusable folder; the remedy follows a semicolon in the reason. */
export function reportFolder(tell: OnFinding, reason: string): void {
  const [problem = reason, ...rest] = reason.split("; ");
  const [mend, ...detail] = rest.join("; ").split(" (");
  const seen = [problem, ...detail].join(" (");
  const otherwise = "let the service's user write to STORAGE_LOCAL_DIR";
  reportTo(tell, "folder").failed(seen, "No upload can be stored.", mend || otherwise);
}

function behind(clock: Clock.Clock, ahead: number): Clock.Clock {
  const now = () => clock.currentTimeMillisUnsafe() - ahead;
  return {
    ...clock,
    sleep: (duration) => clock.sleep(duration),
    currentTimeMillisUnsafe: now,
    currentTimeMillis: Effect.sync(now),
  };
}
