import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { check } from "./doctor.ts";
import { ALLOW } from "./confirm.ts";
import { PNG } from "../../contract/sending/uploads.ts";
import { ONE_STORE } from "./refused-upload.ts";
import { refusal } from "./refusals.ts";

/** Begins an upload in parts, sends one as a browser does, and lists it. */
export const parts = check("parts", function* (doctor, report) {
  const { store, scratch } = doctor;
  const { multipart } = store;
  if (multipart === undefined) return;
  const failed = (seen: string, mend: string) =>
    report.failed(seen, "Large files cannot be uploaded.", mend);
  const key = yield* doctor.newUpload;
  const begun = yield* Effect.uninterruptible(
    Effect.result(
      Effect.tap(multipart.create({ key, contentType: PNG }), (uploadId) =>
        Effect.sync(() => scratch.addUpload({ key, uploadId })),
      ),
    ),
  );
  if (begun._tag === "Failure") return failed(begun.failure.reason, ALLOW);
  const upload = { key, uploadId: begun.success };
  const sent = yield* doctor.put(yield* doctor.signPart(upload));
  if (!sent.ok)
    return failed(`a part was refused (${sent.told})`, refusal(doctor, "put", sent).mend);
  const listed = yield* Effect.result(multipart.list(upload));
  if (listed._tag === "Failure") return failed(listed.failure.reason, ALLOW);
  if (Option.exists(listed.success, ({ length }) => length === 1)) {
    return report.passed("a part was sent, and is listed");
  }
  return failed("a part that was accepted is not listed", ONE_STORE);
});
