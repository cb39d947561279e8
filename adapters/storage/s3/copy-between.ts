import * as Effect from "effect/Effect";
import type { Copies, Parts } from "../../../application/ports/object-store.ts";
import { current } from "../credentials/held.ts";
import type { S3Access } from "./access.ts";
import { s3Copy } from "./copy.ts";
import { type Provider, PROVIDERS } from "./providers.ts";

type Access = S3Access["Service"];

/**
 * Returns the copy of objects from one bucket to another of the same service, which are reached at
 * one endpoint with one key; undefined for others.
 */
export const copyBetween = Effect.fnUntraced(function* (from: Access, to: Access, parts: Parts) {
  const keys = yield* Effect.forEach([from, to], ({ signers }) => current(signers.service));
  const [one, other] = keys.map((signer) => signer.keys.accessKey);
  if (one !== other || serviceOf(from) !== serviceOf(to)) return undefined;
  const { largestCopy }: Provider = PROVIDERS[to.provider];
  const copy = s3Copy(to, { bucket: from.bucket }, parts as Parts<never>, largestCopy);
  return copy satisfies Copies["copy"];
});

/** The address without the bucket, which may be a label of the host. */
const serviceOf = ({ address, bucket, region }: Access) =>
  [address.origin.replace(`//${bucket}.`, "//"), address.unsignedPrefix, region].join(" ");
