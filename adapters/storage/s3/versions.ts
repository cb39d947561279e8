import * as Effect from "effect/Effect";
import type { Lists, StoredVersion } from "../../../application/ports/object-store.ts";
import type { ObjectKey } from "../../../domain/storage-key.ts";
import { isTruncated, readPage } from "../rest/page.ts";
import { refusalIn } from "../rest/refusal-reason.ts";
import { type Bucket, type Refuse, unavailable } from "../rest/signed-fetch.ts";
import { textIn, unescape } from "../rest/xml.ts";

/** Lists versions: "ListObjectVersions", Amazon S3 API Reference; without it there is one. */
export const listVersions =
  (bucket: Bucket, refuse: Refuse, list: Lists["objects"]): NonNullable<Lists["versions"]> =>
  ({ prefix, after }) => {
    const [key, version] = after?.split("\n") ?? [];
    return readPage<StoredVersion, string>(bucket, {
      query: [
        ...(key ? [["key-marker", key] as const] : []),
        ["prefix", prefix],
        ...(version ? [["version-id-marker", version] as const] : []),
        ["versions", ""],
      ],
      // The second is that of rclone and gofakes3.
      roots: ["ListVersionsResult", "ListBucketVersionsResult"],
      items: ["Version", "DeleteMarker"],
      members: ["Key", "VersionId", "Size"],
      read: ([key, version, size]) => ({ key: key as ObjectKey, version, ...sizeFrom(size) }),
      isIn: ({ key }) => key.startsWith(prefix),
      next: (text) => {
        if (!isTruncated(text)) return undefined;
        const next = NEXT.map((name) => unescape(textIn(text, name) ?? "")).join("\n");
        // A repeated marker would never end.
        return next === after || next.startsWith("\n") ? "" : next;
      },
      otherwise: (answer) => {
        if (refusalIn(answer).code === "AccessDenied") return MAY_NOT;
        if (answer.status !== 501) return refuse(answer);
        return Effect.map(list({ prefix, after, limit: 1000 }), (objects) => ({
          ...objects,
          found: objects.found.map(({ key, size }) => ({
            key: key as ObjectKey,
            version: undefined,
            size,
          })),
        }));
      },
    });
  };

const sizeFrom = (size = "") => (/^\d{1,15}$/.test(size) ? { size: Number(size) } : {});

const NEXT = ["NextKeyMarker", "NextVersionIdMarker"];

const MAY_NOT = unavailable(
  "the service's key may not list versions of files; allow it s3:ListBucketVersions",
);
