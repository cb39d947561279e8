import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { Audience } from "../../../application/ports/presigner.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { PartNumber } from "../../../domain/multipart.ts";
import type { StorageKey } from "../../../domain/storage-key.ts";
import { putRequest } from "../../storage/contract/sample-upload.ts";
import { failed, type Findings, passed } from "./finding.ts";
import { told } from "./store-answer.ts";
import { BYTES, check, type Target } from "./target.ts";

/** Whether the service itself can do its part for an upload: confirm it, and put parts together. */
export const service = (
  target: Target,
  audience: Audience,
  { stored, marks }: { readonly stored: StorageKey; readonly marks: boolean },
): Effect.Effect<Findings> =>
  Effect.all([
    check("confirm", confirms(target, stored)),
    ...(marks ? [check("confirm", confirmsMarked(target, audience))] : []),
    check("parts", putsTogether(target, audience)),
  ]).pipe(Effect.map((findings) => findings.flat()));

const cannot = (name: string, seen: string, why: string) =>
  failed(name, seen, why, "allow the service's key what `valetkey policy service` prints");

const confirms = Effect.fnUntraced(function* ({ store }: Target, stored: StorageKey) {
  const facts = yield* Effect.result(store.head(stored));
  if (facts._tag === "Failure") {
    const { failure } = facts;
    const reason = "reason" in failure ? failure.reason : "nobody can read the object";
    return [
      cannot("confirm", `what was put cannot be looked at: ${reason}`, "No upload is confirmed."),
    ];
  }
  const isSame = Option.exists(facts.success, ({ size }) => size === BYTES.length);
  return [
    isSame
      ? passed("confirm", "the service sees what was put")
      : cannot("confirm", "the service does not see what was put", "No upload is confirmed."),
  ];
});

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
  return yield* Effect.match(target.store.keep(key), {
    onSuccess: () => [passed("confirm", "the mark of unconfirmed uploads is taken off")],
    onFailure: ({ reason }) => [
      cannot("confirm", `the mark cannot be taken off: ${reason}`, "Confirmed files are removed."),
    ],
  });
});

/** One part, which is abandoned again. */
const putsTogether = Effect.fnUntraced(function* (
  { store, presigner, ...target }: Target,
  audience: Audience,
): Effect.fn.Return<Findings, { readonly reason: string }> {
  const { multipart } = store;
  const { part } = presigner;
  if (multipart === undefined || part === undefined) return [];
  const request = { ...putRequest(yield* target.newKey), audience };
  const { key, mediaType } = request;
  const created = yield* Effect.result(multipart.create({ key, mediaType }));
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
  const tried = Effect.gen(function* () {
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
  return yield* Effect.ensuring(tried, Effect.ignore(multipart.abort({ key, uploadId })));
});
