import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { ByteSize } from "../../../domain/byte-size.ts";
import { PartNumber } from "../../../domain/multipart.ts";
import { compareWithReceipt } from "../../../domain/upload-difference.ts";
import { digest } from "../../storage/contract/digest.ts";
import { putRequest } from "../../storage/contract/uploads.ts";
import { BYTES, check, type Doctor } from "./doctor.ts";

/** Does the service's own part of an upload: confirms it, and puts parts together. */
export const service = (doctor: Doctor): Effect.Effect<unknown> =>
  Effect.all([
    confirm(doctor),
    ...(doctor.waits === undefined ? [] : [confirmMarked(doctor)]),
    parts(doctor),
  ]);

const ALLOW_SERVICE = "allow the service's key what `valetkey policy service` prints";
const ALLOW_PUT = "allow the key for uploads what `valetkey policy put` prints";
const UNCONFIRMED = "No upload is confirmed.";

const SIZE = ByteSize.make(BYTES.length);

/** Puts a file with a checksum, and compares what the service sees of it with what was sent. */
const confirm = check("confirm", function* (doctor, { passed, failed }) {
  const [algorithm] = doctor.presigner.checksums;
  const checksum = algorithm && { algorithm, value: digest(algorithm, BYTES) };
  const signed = yield* doctor.signPut(checksum && { checksum });
  // The check of the promise reports why.
  if (!(yield* doctor.put(signed)).ok) return;
  const facts = yield* Effect.result(doctor.store.head(signed.key));
  if (facts._tag === "Failure") {
    const { failure } = facts;
    const reason = "reason" in failure ? failure.reason : "nobody can read the object";
    failed(`what was put cannot be looked at: ${reason}`, UNCONFIRMED, ALLOW_SERVICE);
  } else if (Option.isNone(facts.success)) {
    failed("the service does not see what was put", UNCONFIRMED, ALLOW_SERVICE);
  } else {
    const { mediaType } = putRequest(signed.key);
    const granted = { size: SIZE, mediaType, writeOnce: signed.isOnce, pending: false };
    const differences = compareWithReceipt(
      { ...granted, ...(checksum && { checksum }) },
      facts.success.value,
    ).map(
      ({ property, expected, actual }) =>
        `${property} is ${actual}${expected === "" ? ", which was not sent" : `, and was ${expected}`}`,
    );
    if (differences.length === 0) passed("the service sees what was put, as it was sent");
    else {
      failed(
        `what was put is not what the service sees: ${differences.join("; ")}`,
        "No upload is confirmed, since each differs from its grant.",
        "let the proxy in front of the store change no header of requests and of answers",
      );
    }
  }
});

const confirmMarked = check("confirm", function* (doctor, { passed, failed }) {
  const pendingSince = yield* DateTime.now;
  const { key, ...signed } = yield* doctor.signPut({ writeOnce: true, pendingSince });
  const { ok, told } = yield* doctor.put(signed);
  if (!ok) {
    return failed(
      `an upload with the mark of unconfirmed ones is refused (${told})`,
      "A policy sets unconfirmed_after, so its uploads carry that mark.",
      ALLOW_PUT,
    );
  }
  const facts = yield* Effect.option(doctor.store.head(key));
  const version = Option.getOrUndefined(Option.flatten(facts))?.version;
  return yield* Effect.match(doctor.store.keep({ key, version }), {
    onSuccess: () => passed("the mark of unconfirmed uploads is taken off"),
    onFailure: ({ reason }) =>
      failed(
        `the mark cannot be taken off: ${reason}`,
        "Confirmed files are removed.",
        ALLOW_SERVICE,
      ),
  });
});

/** Puts one part of an upload, which is aborted at the end. */
const parts = check("parts", function* (doctor, { passed, failed }) {
  const { multipart } = doctor.store;
  const { part } = doctor.presigner;
  if (multipart === undefined || part === undefined) return;
  const request = { ...putRequest(yield* doctor.newKey), audience: doctor.audience() };
  const { key, mediaType } = request;
  const created = yield* doctor.inTime(multipart.create({ key, mediaType })).pipe(
    Effect.tap((uploadId) => Effect.sync(() => doctor.scratch.addUpload({ key, uploadId }))),
    Effect.uninterruptible,
    Effect.result,
  );
  if (created._tag === "Failure") {
    const seen = `no upload in parts can be begun: ${created.failure.reason}`;
    return failed(seen, "Large files are answered with 503.", ALLOW_SERVICE);
  }
  const uploadId = created.success;
  const partNumber = PartNumber.make(1);
  const signed = yield* part({ ...request, uploadId, size: SIZE, partNumber });
  const { ok, told } = yield* doctor.put(signed);
  const listed = yield* multipart.list({ key, uploadId });
  return ok && Option.exists(listed, ({ length }) => length === 1)
    ? passed("a part of a large file is taken, and listed")
    : failed(
        `a part of a large file is refused (${told})`,
        "Files above the size of one PUT cannot be uploaded.",
        ALLOW_PUT,
      );
});
