import * as Result from "effect/Result";
import { encodeKey } from "../signing/v4.ts";
import { BodyBroken } from "./body.ts";
import type { Folder } from "./folder.ts";
import { LONGEST_FIELDS, readForm } from "./form-body.ts";
import { objectPath, writeObject } from "./objects.ts";
import { refusal } from "./refusal.ts";
import { type ExpectedSignature, verifyForm } from "./verify.ts";

/**
 * Stores the file of an HTML form as S3 does ("POST Object", Amazon S3 API Reference): as it is
 * granted by the form's policy, whatever the browser says of it. `bytes` is the body.
 */
export async function postForm(
  store: ExpectedSignature & { readonly folder: Folder; readonly bucket: string },
  request: Request,
  bytes: AsyncIterable<Uint8Array>,
): Promise<Response> {
  const { folder, bucket } = store;
  const arrived = await readForm(request.headers.get("content-type") ?? "", bytes);
  if (Result.isFailure(arrived)) return refusal(arrived.failure);
  const { fields, file, stop } = arrived.success;
  try {
    const verified = verifyForm(fields, store);
    if (Result.isFailure(verified)) return refusal(verified.failure);
    const { key, mediaType, min, max } = verified.success;
    const length = Number(request.headers.get("content-length"));
    if (length > max + 2 * LONGEST_FIELDS) return refusal("EntityTooLarge");
    const written = await writeObject(folder, {
      path: () => objectPath(folder, `/${bucket}/${encodeKey(key)}`),
      mediaType,
      writeOnce: false,
      bytes: ofSize(file, min, max),
    });
    return Result.match(written, {
      onSuccess: (etag) => created({ bucket, key, etag }),
      onFailure: (code) => refusal(code),
    });
  } finally {
    await stop();
  }
}

/** The same bytes; throws `BodyBroken` if they are too few or too many. */
async function* ofSize(bytes: AsyncIterable<Uint8Array>, min: number, max: number) {
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > max) throw new BodyBroken("EntityTooLarge");
    yield chunk;
  }
  if (size < min) throw new BodyBroken("EntityTooSmall");
}

/** What S3 answers under `success_action_status: 201`; nothing in it needs to be escaped. */
const created = ({ bucket, key, etag }: Readonly<Record<"bucket" | "key" | "etag", string>>) =>
  new Response(
    `<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse><Bucket>${bucket}</Bucket><Key>${key}</Key><ETag>${etag}</ETag></PostResponse>\n`,
    {
      status: 201,
      headers: {
        "Content-Type": "application/xml",
        "X-Content-Type-Options": "nosniff",
        ETag: etag,
      },
    },
  );
