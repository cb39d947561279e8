import * as Clock from "effect/Clock";
import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type { Checksum } from "../domain/checksum.ts";
import {
  ChecksumNotSupported,
  ChecksumRequired,
  MultipartNotSupported,
  PartOutOfRange,
} from "../domain/errors.ts";
import { Lifetime } from "../domain/lifetime.ts";
import { partCountOf, partLength, type PartNumber } from "../domain/multipart.ts";
import { DEFAULT_POLICY, defaultPolicy } from "../domain/upload-policy.ts";
import { audienceOf, type Member } from "./admit.ts";
import { Policies } from "./ports/policies.ts";
import { Presigner } from "./ports/presigner.ts";
import { uploadOf } from "./tokens.ts";

/** A part to be signed. */
export interface PartToSign {
  readonly partNumber: PartNumber;
  /** The checksum of the part's bytes. */
  readonly checksum?: Checksum | undefined;
}

/**
 * Signs a PUT for each of the parts, bound to the part's exact length and to its checksum if it has
 * one; where the whole file has a checksum, each part needs one of the same algorithm. The store is
 * not called, so parts of an upload that has ended are signed too; the store then refuses them.
 *
 * Fails with `InvalidUpload`, `OrganizationNotFound`, `MultipartNotSupported`, `PartOutOfRange`,
 * `ChecksumRequired`, `ChecksumNotSupported` or `CredentialsUnavailable`.
 */
export const signParts = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  readonly upload: string;
  readonly parts: ReadonlyArray<PartToSign>;
}) {
  const { member, parts } = request;
  const upload = yield* uploadOf(request);
  const { part: sign, partChecksums = [], isRemote } = yield* Presigner;
  const supported = upload.checksum ? [upload.checksum.algorithm] : partChecksums;
  if (sign === undefined) return yield* new MultipartNotSupported();

  const policies = yield* Policies;
  // A policy that was taken away leaves its uploads to the deployment's own.
  const policy = policies.get(upload.policy) ?? policies.get(DEFAULT_POLICY) ?? defaultPolicy;
  const isRequired = policy.requireChecksum || upload.checksum !== undefined;
  const now = DateTime.makeUnsafe(yield* Clock.currentTimeMillis);
  const left = Math.ceil(Duration.toSeconds(DateTime.distance(now, upload.expiresAt)));
  const lifetime = Lifetime.make(Duration.min(policy.putLifetime, Duration.seconds(left)));
  const { key, uploadId } = upload;
  const { minLifetime } = policy;
  const everyPart = { key, uploadId, lifetime, minLifetime, audience: audienceOf(member) };
  const signed = yield* Effect.forEach(
    parts,
    Effect.fnUntraced(function* ({ partNumber, checksum }) {
      const size = partLength(upload, partNumber);
      if (size === undefined) {
        return yield* new PartOutOfRange({ partNumber, partCount: partCountOf(upload) });
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
