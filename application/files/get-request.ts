import { contentDisposition } from "../../domain/disposition.ts";
import type { FileName } from "../../domain/file-name.ts";
import type { MediaType } from "../../domain/media-type.ts";
import type { StorageKey } from "../../domain/storage-key.ts";
import type { UploadPolicy } from "../../domain/upload-policy.ts";
import type { Audience, GetRequest } from "../ports/presigner.ts";

/** Makes the GET of a file as its policy serves it. */
export const getRequest = (
  file: {
    readonly key: StorageKey;
    readonly contentType: MediaType;
    readonly filename: FileName;
    readonly version?: string | undefined;
    readonly isNew?: boolean;
  },
  policy: Pick<UploadPolicy, "getLifetime" | "minLifetime" | "inlinePdf">,
  audience: Audience,
): GetRequest => ({
  key: file.key,
  lifetime: policy.getLifetime,
  minLifetime: policy.minLifetime,
  audience,
  responseMediaType: file.contentType,
  responseDisposition: contentDisposition(file.contentType, file.filename, policy),
  version: file.version,
  isNew: file.isNew,
});
