import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type { Checksum } from "../../domain/checksum.ts";
import {
  ChecksumNotSupported,
  ChecksumRequired,
  MultipartNotSupported,
  PartOutOfRange,
} from "../../domain/errors.ts";
import { Lifetime } from "../../domain/lifetime.ts";
import { countParts, namesInStore, partLength, type PartNumber } from "../../domain/multipart.ts";
import { audienceFor, type Member } from "../admit.ts";
import { policyNamed } from "../choose-policy.ts";
import { checksumsOfParts } from "../ports/abilities.ts";
import { ObjectStore } from "../ports/object-store.ts";
import { Presigner } from "../ports/presigner.ts";
import { inStoreOfUpload } from "../store/in-store.ts";
import { openUpload } from "../tokens.ts";

/**
 * Signs a PUT for each part, bound to its exact length and to its checksum if it has one. The store
 * is not called: it refuses parts of an ended upload itself.
 */
export const signParts = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  readonly upload: string;
  readonly parts: ReadonlyArray<{
    readonly partNumber: PartNumber;
    readonly checksum?: Checksum | undefined;
  }>;
}) {
  const { member, parts } = request;
  const upload = yield* openUpload(member, request.upload);
  const [{ part: sign, isRemote }, { abilities }] = yield* inStoreOfUpload(
    upload,
    Effect.all([Presigner, ObjectStore]),
  );
  const supported = upload.checksum ? [upload.checksum.algorithm] : checksumsOfParts(abilities);
  if (sign === undefined) return yield* new MultipartNotSupported();

  const policy = yield* policyNamed(upload.policy);
  const isRequired = policy.requireChecksum || upload.checksum !== undefined;
  const now = yield* DateTime.now;
  const left = Math.ceil(Duration.toSeconds(DateTime.distance(now, upload.expiresAt)));
  const lifetime = Lifetime.make(Duration.min(policy.putLifetime, Duration.seconds(left)));
  const { minLifetime } = policy;
  const everyPart = {
    ...namesInStore(upload),
    lifetime,
    minLifetime,
    audience: audienceFor(member),
  };
  const signed = yield* Effect.forEach(
    parts,
    Effect.fnUntraced(function* ({ partNumber, checksum }) {
      const size = partLength(upload, partNumber);
      if (size === undefined) {
        return yield* new PartOutOfRange({ partNumber, partCount: countParts(upload) });
      }
      if (checksum === undefined && isRequired) return yield* new ChecksumRequired();
      if (checksum !== undefined && !supported.includes(checksum.algorithm)) {
        return yield* new ChecksumNotSupported({ supported });
      }
      const put = yield* sign({ ...everyPart, partNumber, size, checksum });
      return { partNumber, put };
    }),
    { concurrency: isRemote ? 10 : 1 },
  );
  return { parts: signed };
});
