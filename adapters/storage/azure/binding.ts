import * as Duration from "effect/Duration";
import type { Abilities } from "../../../application/ports/abilities.ts";
import type { GetRequest, PartRequest } from "../../../application/ports/presigner.ts";
import { bind, type Binding } from "../signing/binding.ts";
import type { Pair } from "../signing/v4.ts";
import { blockId } from "./blocks.ts";

/** The metadata of the grant. A name with a hyphen would be refused. */
export const ANNOUNCEMENT = "x-ms-meta-valetkey_grant";
/** The metadata with the names of a copied upload. */
export const NAMES = "x-ms-meta-valetkey_names";

/** "Put Blob", Azure Storage documentation. */
export const azureBinding =
  (abilities: Abilities): Binding =>
  ({ contentType, size, checksum, announcement }) => {
    const signsType = abilities.has("bound type");
    const { signed, toSend } = bind([
      abilities.has("bound size") && ["content-length", String(size)],
      checksum && ["content-md5", checksum.value],
      ["content-type", contentType],
      signsType && ["x-ms-blob-content-type", contentType],
      ["x-ms-blob-type", "BlockBlob"],
      announcement !== undefined && [ANNOUNCEMENT, announcement],
    ]);
    const isSigned = ([name]: Pair) => signsType || /^content-(?:length|md5)$/.test(name);
    return { signed: signed.filter(isSigned), toSend, isOnce: abilities.has("write-once") };
  };

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
