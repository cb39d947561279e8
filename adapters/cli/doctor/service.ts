import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { Audience } from "../../../application/ports/presigner.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { PartNumber } from "../../../domain/multipart.ts";
import { differencesOf, type UploadDifference } from "../../../domain/upload-difference.ts";
import { digest } from "../../storage/contract/digest.ts";
import { putRequest } from "../../storage/contract/uploads.ts";
import { failed, type Findings, passed } from "./finding.ts";
import { told } from "./store-answer.ts";
import { BYTES, check, type Target } from "./target.ts";

/** Whether the service itself can do its part for an upload: confirm it, and put parts together. */
export const service = (
  target: Target,
  audience: Audience,
  { marks }: { readonly marks: boolean },
): Effect.Effect<Findings> =>
  Effect.all([
    check("confirm", confirms(target, audience)),
    ...(marks ? [check("confirm", confirmsMarked(target, audience))] : []),
    check("parts", putsTogether(target, audience)),
  ]).pipe(Effect.map((findings) => findings.flat()));

const cannot = (name: string, seen: string, why: string) =>
  failed(name, seen, why, "allow the service's key what `valetkey policy service` prints");

/** Puts a file with a checksum, and compares what the service sees of it with what was sent. */
const confirms = Effect.fnUntraced(function* (target: Target, audience: Audience) {
  const key = yield* target.newKey;
  const [algorithm] = target.presigner.checksums;
  const checksum = algorithm && { algorithm, value: digest(algorithm, BYTES) };
  const signed = yield* target.signPut(key, { audience, ...(checksum && { checksum }) });
  const answer = yield* target.put(signed);
  // The check of that promise has more to say.
  if (!answer.ok) return [];
  const facts = yield* Effect.result(target.store.head(key));
  if (facts._tag === "Failure") {
    const { failure } = facts;
    const reason = "reason" in failure ? failure.reason : "nobody can read the object";
    return [
      cannot("confirm", `what was put cannot be looked at: ${reason}`, "No upload is confirmed."),
    ];
  }
  if (Option.isNone(facts.success)) {
    return [cannot("confirm", "the service does not see what was put", "No upload is confirmed.")];
  }
  const differences = differencesOf(
    {
      size: ByteSize.make(BYTES.length),
      mediaType: putRequest(key).mediaType,
      writeOnce: signed.isOnce,
      pending: false,
      ...(checksum && { checksum }),
    },
    facts.success.value,
  );
  return differences.length === 0
    ? [passed("confirm", "the service sees what was put, as it was sent")]
    : [
        failed(
          "confirm",
          `what was put is not what the service sees: ${differences.map(inWords).join("; ")}`,
          "No upload is confirmed, since each differs from its grant.",
          "let what stands in front of the store change no header of requests and of answers",
        ),
      ];
});

const inWords = ({ property, expected, actual }: UploadDifference) =>
  `${property} is ${actual}${expected === "" ? ", which was not sent" : `, and was ${expected}`}`;

const confirmsMarked = Effect.fnUntraced(function* (target: Target, audience: Audience) {
  const key = yield* target.newKey;
  const pendingSince = yield* DateTime.now;
  const signed = yield* target.signPut(key, { audience, writeOnce: true, pendingSince });
  const answer = yield* target.put(signed);
  if (!answer.ok) {
    return [
      failed(
        "confirm",
        `an upload with the mark of unconfirmed ones is refused (${told(answer)})`,
        "A policy sets unconfirmed_after, so its uploads carry that mark.",
        "allow the key for uploads what `valetkey policy put` prints",
      ),
    ];
  }
  const facts = yield* Effect.option(target.store.head(key));
  const version = Option.getOrUndefined(Option.flatten(facts))?.version;
  return yield* Effect.match(target.store.keep({ key, version }), {
    onSuccess: () => [passed("confirm", "the mark of unconfirmed uploads is taken off")],
    onFailure: ({ reason }) => [
      cannot("confirm", `the mark cannot be taken off: ${reason}`, "Confirmed files are removed."),
    ],
  });
});

/** One part of an upload, which is abandoned at the end. */
const putsTogether = Effect.fnUntraced(function* (
  { store, presigner, ...target }: Target,
  audience: Audience,
): Effect.fn.Return<Findings, { readonly reason: string }> {
  const { multipart } = store;
  const { part } = presigner;
  if (multipart === undefined || part === undefined) return [];
  const request = { ...putRequest(yield* target.newKey), audience };
  const { key, mediaType } = request;
  const created = yield* Effect.result(
    Effect.uninterruptible(
      Effect.tap(target.inTime(multipart.create({ key, mediaType })), (uploadId) =>
        Effect.sync(() => target.scratch.addUpload({ key, uploadId })),
      ),
    ),
  );
  if (created._tag === "Failure") {
    const { reason } = created.failure;
    return [
      cannot(
        "parts",
        `no upload in parts can be begun: ${reason}`,
        "Large files are answered with 503.",
      ),
    ];
  }
  const uploadId = created.success;
  const size = ByteSize.make(BYTES.length);
  const signed = yield* part({ ...request, uploadId, size, partNumber: PartNumber.make(1) });
  const answer = yield* target.put(signed);
  const parts = yield* multipart.list({ key, uploadId });
  return [
    answer.ok && Option.exists(parts, ({ length }) => length === 1)
      ? passed("parts", "a part of a large file is taken, and listed")
      : failed(
          "parts",
          `a part of a large file is refused (${told(answer)})`,
          "Files above the size of one PUT cannot be uploaded.",
          "allow the key for uploads what `valetkey policy put` prints",
        ),
  ];
});
