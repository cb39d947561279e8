import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { obstacle } from "../../storage/contract/scratch.ts";
import { bucket } from "./bucket.ts";
import { configuration } from "./configuration.ts";
import { cors } from "./cors.ts";
import { credentials } from "./credentials.ts";
import { type Doctor, type Examination, openDoctor, removeScratch, SCRATCH } from "./doctor.ts";
import { reportTo, type Tell } from "./finding.ts";
import { privilege } from "./privilege.ts";
import { promises } from "./promises.ts";
import { publicAccess } from "./public-access.ts";
import { endpoints, type Reached } from "./reach.ts";
import { service } from "./service.ts";
import { hosts, signatures, upload } from "./upload.ts";

/**
 * Examines the store, and tells findings as they come. It writes under scratch keys alone, which it
 * clears at the end by the store's time, also when it is interrupted. A dead store ends it within 15
 * seconds.
 */
export const examine = Effect.fnUntraced(function* (examination: Examination, tell: Tell) {
  const doctor = yield* openDoctor(examination, tell);
  if (doctor.isEmbedded) yield* folder(doctor, tell);
  yield* credentials(doctor);
  const { alive, ahead } = yield* endpoints(doctor);
  if (alive.length === 0) return skip(doctor, "the store cannot be reached");
  yield* doctor.forgetSilence;
  const clear = Effect.suspend(() =>
    doctor.isEmbedded || doctor.scratch.names().length === 0
      ? Effect.void
      : Effect.andThen(doctor.forgetSilence, removeScratch(doctor)),
  );
  return yield* (doctor.isEmbedded ? look(doctor) : checks(doctor, alive)).pipe(
    Effect.ensuring(clear),
    Effect.provideService(Clock.Clock, behind(yield* Clock.Clock, ahead)),
  );
});

const skip = ({ report }: Doctor, reason: string): void =>
  report("everything else").unknown(`${reason}, so nothing further was tried`);

/** Asks whether pages may upload, without an upload. */
const look = (doctor: Doctor) => cors(doctor, { isLook: true });

const checks = Effect.fnUntraced(function* (doctor: Doctor, alive: Reached["alive"]) {
  const { names, report, mayLeave } = doctor;
  const state = yield* bucket(doctor);
  if (state === "unusable") return skip(doctor, "the bucket cannot be used");
  const isKeyRefused = state === "key refused";
  const isOneKey = [names.put, names.get].every(({ from }) => from === names.service.from);
  if (isKeyRefused && isOneKey) return skip(doctor, "the store refuses the key");
  const reason = isKeyRefused
    ? "the store refuses the service's key"
    : yield* obstacle(doctor, yield* doctor.newKey).pipe(Effect.orElseSucceed(() => undefined));
  const settings = isKeyRefused ? Effect.void : configuration(doctor);
  if (reason !== undefined) {
    reportObstacle(doctor, reason, isKeyRefused);
    if (!mayLeave) return yield* Effect.andThen(look(doctor), settings);
  }
  yield* hosts(doctor);
  const stored = yield* upload(doctor, alive);
  if (!stored) {
    yield* look(doctor);
  } else {
    if ((yield* signatures(doctor)) === false) {
      return skip(doctor, "the store verifies no signatures");
    }
    yield* cors(doctor, { isLook: false });
  }
  if (isKeyRefused) {
    report("confirm").unknown("the store refuses the service's key, so nothing was tried with it");
  }
  if (!stored) report("promises").unknown("no upload works, so nothing was tried with one");
  else {
    if (!isKeyRefused) yield* service(doctor);
    yield* promises(doctor);
    yield* publicAccess(doctor, stored);
    if (doctor.s3 !== undefined) yield* privilege(doctor, stored);
  }
  return yield* settings;
});

/** Reports that scratch objects could not be removed again. */
function reportObstacle({ report, mayLeave }: Doctor, reason: string, isKeyRefused: boolean): void {
  const { failed, unknown } = report("scratch");
  const seen = `nothing was written, since it could not be removed again: ${reason}`;
  const mend = `valetkey doctor --leave writes scratch objects all the same, below ${SCRATCH}`;
  if (mayLeave) unknown(`what is written now cannot be removed again: ${reason}`);
  else if (isKeyRefused) unknown(seen, mend);
  else failed(seen, "Uploads and permissions are tried with scratch objects.", mend);
}

const folder = ({ store }: Doctor, tell: Tell) =>
  Effect.match(store.ensureBucket, {
    onSuccess: () => reportTo(tell, "folder").passed("the embedded store can write to its folder"),
    onFailure: ({ reason }) => reportFolder(tell, reason),
  });

/** Reports a folder that cannot be used; the reason says what mends it, behind a semicolon. */
export function reportFolder(tell: Tell, reason: string): void {
  const [problem = reason, ...rest] = reason.split("; ");
  const [mend, ...detail] = rest.join("; ").split(" (");
  reportTo(tell, "folder").failed(
    [problem, ...detail].join(" ("),
    "No upload can be stored.",
    mend || "let the service's user write to STORAGE_LOCAL_DIR",
  );
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
