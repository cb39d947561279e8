import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { ByteSize } from "../../../domain/byte-size.ts";
import { PartNumber } from "../../../domain/multipart.ts";
import { incomingKey } from "../../../domain/storage-key.ts";
import { compareWithReceipt } from "../../../domain/upload-difference.ts";
import { putRequest } from "../../storage/contract/uploads.ts";
import { BYTES, check, type Doctor } from "./doctor.ts";

export const service = (doctor: Doctor): Effect.Effect<unknown> =>
  Effect.all([confirm(doctor), ...(doctor.incoming === 0 ? [] : [copies(doctor)]), parts(doctor)]);

const ALLOW_SERVICE = "allow the service's key what `valetkey policy service` prints";
const ALLOW_PUT = "allow the key for uploads what `valetkey policy put` prints";

const SIZE = ByteSize.make(BYTES.length);

/** Puts a file with a checksum, and compares what the service sees of it with what was sent. */
const confirm = check("confirm", function* (doctor, { passed, failed }) {
  const signed = yield* doctor.signPut(doctor.checksummed);
  // The check of the promise reports why.
  if (!(yield* doctor.put(signed)).ok) return;
  const facts = yield* Effect.result(doctor.store.head(signed.key));
  const unconfirmed = "No upload is confirmed.";
  if (facts._tag === "Failure") {
    const reason = "reason" in facts.failure ? facts.failure.reason : "nobody can read the object";
    return failed(`what was put cannot be looked at: ${reason}`, unconfirmed, ALLOW_SERVICE);
  }
  if (Option.isNone(facts.success)) {
    return failed("the service does not see what was put", unconfirmed, ALLOW_SERVICE);
  }
  const { mediaType } = putRequest(signed.key);
  const granted = { size: SIZE, mediaType, writeOnce: signed.isOnce };
  const differences = compareWithReceipt(
    { ...granted, ...doctor.checksummed },
    facts.success.value,
  ).map(
    ({ property, expected, actual }) =>
      `${property} is ${actual}${expected === "" ? ", which was not sent" : `, and was ${expected}`}`,
  );
  if (differences.length === 0) return passed("the service sees what was put, as it was sent");
  const seen = `what was put is not what the service sees: ${differences.join("; ")}`;
  const mend = "let the proxy in front of the store change no header of requests and of answers";
  return failed(seen, "No upload is confirmed, since each differs from its grant.", mend);
});

/** Copies an upload to its place, and tries to copy another than was looked at. */
const copies = check("incoming", function* (doctor, { passed, failed }) {
  const { store, s3, scratch } = doctor;
  const to = yield* doctor.newKey;
  const { key, ...signed } = yield* doctor.signPut({ key: incomingKey(to) });
  const { ok, told } = yield* doctor.put(signed);
  if (!ok) {
    const seen = `an upload below incoming/ is refused (${told})`;
    return failed(seen, "A policy lets its uploads wait there.", ALLOW_PUT);
  }
  const unconfirmed = "No upload is confirmed.";
  const looked = Option.flatten(yield* Effect.option(store.head(key)));
  if (Option.isNone(looked)) {
    return failed("what waits below incoming/ cannot be looked at", unconfirmed, ALLOW_SERVICE);
  }
  const { etag, version } = looked.value;
  const { mediaType } = putRequest(to);
  const copy = (etag: string) => {
    const copied = store.copy?.({ key, etag, size: SIZE, version, to, mediaType });
    return Effect.result(doctor.inTime(copied ?? Effect.succeed("changed" as const)));
  };
  scratch.add(to);
  // At Google a generation names what was looked at.
  const other = s3 && (yield* copy('"00000000000000000000000000000000"'));
  if (other?._tag === "Success" && other.success === "copied") {
    return failed(
      "the store copies another upload than the one that was looked at",
      "What replaces an upload just before it is copied becomes the file, and nobody has looked at it.",
      "update the store, or use another one",
    );
  }
  const own = yield* copy(etag);
  if (own._tag === "Success" && own.success === "copied") {
    return passed("what was looked at below incoming/ is copied to its place, and nothing else");
  }
  const reason = own._tag === "Failure" ? own.failure.reason : own.success;
  return failed(`an upload cannot be copied to its place: ${reason}`, unconfirmed, ALLOW_SERVICE);
});

/** Puts one part of an upload, which is aborted at the end. */
const parts = check("parts", function* (doctor, { passed, failed }) {
  const { multipart } = doctor.store;
  const { part } = doctor.presigner;
  if (multipart === undefined || part === undefined) return;
  const request = { ...putRequest(yield* doctor.newUpload), audience: doctor.audience() };
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
  const signed = yield* part({ ...request, uploadId, size: SIZE, partNumber: PartNumber.make(1) });
  const { ok, told } = yield* doctor.put(signed);
  const listed = yield* multipart.list({ key, uploadId });
  if (ok && Option.exists(listed, ({ length }) => length === 1)) {
    return passed("a part of a large file is taken, and listed");
  }
  const why = "Files above the size of one PUT cannot be uploaded.";
  return failed(`a part of a large file is refused (${told})`, why, ALLOW_PUT);
});
