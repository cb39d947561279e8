import type { Answer } from "../../storage/contract/send.ts";
import { reasonOfRefusal, refusalIn } from "../../storage/rest/refusal-reason.ts";

/** What a store answered, in a few words. */
export function told({ status, body }: Pick<Answer, "status" | "body">): string {
  const { code } = refusalIn({ status, text: body.toString() });
  return code === undefined ? `${status}` : `${status} ${code}`;
}

/** Why a store refused a request, in words that name the settings of the key that signed. */
export function refusalOf(
  { status, body }: Pick<Answer, "status" | "body">,
  names: { readonly bucket: string; readonly from: string; readonly secret: string },
): string {
  return reasonOfRefusal({ bucket: names.bucket }, refusalIn({ status, text: body.toString() }))
    .replaceAll("STORAGE_ACCESS_KEY", names.from)
    .replaceAll("STORAGE_SECRET_KEY", names.secret);
}

/** The headers that were not signed, where the answer names them: Amazon does, MinIO does not. */
export const headersNotSigned = (text: string): string | undefined =>
  /<HeadersNotSigned>([\w-,; ]{1,200})</.exec(text)?.[1];

/** The region of the bucket, where the answer names it. */
export const regionNamed = (text: string): string | undefined =>
  /<Region>([a-z0-9-]{1,64})</.exec(text)?.[1] ??
  /expecting (?:&#39;|')([a-z0-9-]{1,64})/.exec(text)?.[1];
