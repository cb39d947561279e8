import * as Duration from "effect/Duration";
import type { GetRequest, PartRequest } from "../../../application/ports/presigner.ts";
import { bind, type Binding, type PartBinding } from "../signing/binding.ts";
import type { Pair } from "../signing/v4.ts";
import { blockId } from "./blocks.ts";

/** The metadata of the grant. A name with a hyphen would be refused. */
export const ANNOUNCEMENT = "x-ms-meta-valetkey_grant";

/**
 * "Put Blob", Azure Storage documentation. A delegation key binds headers of its own kind, of which
 * the type is one; the key of an account binds none.
 */
export const azureBinding =
  ({ bindsHeaders }: { readonly bindsHeaders: boolean }): Binding =>
  ({ mediaType, announcement }) => ({
    ...bind([
      ["content-type", mediaType],
      bindsHeaders && ["x-ms-blob-content-type", mediaType],
      ["x-ms-blob-type", "BlockBlob"],
      announcement !== undefined && [ANNOUNCEMENT, announcement],
    ]),
    isOnce: true,
  });

export const azurePartBinding: PartBinding = () => bind([]);

/** "Put Block", Azure Storage documentation. */
export const azurePartQuery = ({ uploadId, partNumber }: PartRequest): ReadonlyArray<Pair> => [
  ["comp", "block"],
  ["blockid", blockId(uploadId, partNumber)],
];

export const azureOverrides = (request: GetRequest): ReadonlyArray<Pair> => [
  ["rscc", `private, max-age=${Duration.toSeconds(request.lifetime)}`],
  ["rscd", request.responseDisposition],
  ["rsce", "identity"],
  ["rsct", request.responseMediaType],
];
