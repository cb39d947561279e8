import * as Effect from "effect/Effect";
import { refusalIn } from "../../storage/rest/refusal-reason.ts";
import type { Answer } from "../../storage/contract/send.ts";
import type { Audience } from "../../../application/ports/presigner.ts";
import { bucketTwice, OR_PROXY, PASS_ON, PASS_QUERY, seesSignatures } from "./address.ts";
import { failed, type Finding } from "./finding.ts";
import type { KeyNames } from "./key-names.ts";
import { knowsSecret, NO_SIGNED_URLS, takesSignedHeaders } from "./other-signatures.ts";
import { addedByProxy } from "./read-back.ts";
import { headersNotSigned, mendOf, refusalOf, told } from "./store-answer.ts";
import type { Target } from "./target.ts";

const WHY = "Every upload fails like this.";

/**
 * Why a signed PUT was refused. Where the same was accepted at the other endpoint, or the store does
 * not see the signature, something on the way has changed it.
 */
export const refusedUpload = Effect.fnUntraced(function* (
  target: Target,
  names: KeyNames,
  sent: {
    readonly audience: Audience;
    readonly url: string;
    readonly answer: Answer;
    /** The other endpoint, where an upload was accepted. */
    readonly acceptedAt: string | undefined;
  },
): Effect.fn.Return<Finding, { readonly reason: string }> {
  const { audience, url, answer, acceptedAt } = sent;
  const { origin } = new URL(url);
  const text = answer.body.toString();
  const { code, message = "" } = refusalIn({ status: answer.status, text });
  // Amazon names the headers. MinIO does not, and says so too where a signed one is missing.
  const added = headersNotSigned(text);
  if (added !== undefined || message.includes("not signed")) {
    const bare = { method: "PUT", key: yield* target.newKey, body: "" } as const;
    return added === undefined && (yield* target.asKey("put", bare, audience)).ok
      ? failed(
          "proxy",
          `a proxy on the way removes a signed header, Content-Type or Content-Length; so ${origin} refuses every upload`,
          WHY,
          PASS_ON,
        )
      : addedByProxy(added ?? "an x-amz-* header", `so ${origin} refuses every upload`);
  }
  const refused = { use: "put", name: names.put, bucket: target.s3?.bucket ?? "" } as const;
  const mend = bucketTwice(target, audience) ?? mendOf(answer, refused);
  if (acceptedAt !== undefined) {
    const isOther = code === "InvalidAccessKeyId" || code === "NoSuchBucket";
    return failed(
      "upload",
      `a PUT to ${origin} was refused (${told(answer)}), and the same at ${acceptedAt} was accepted: ${isOther ? "another store is there" : "something there changes the request"}`,
      WHY,
      isOther
        ? "let STORAGE_ENDPOINT and STORAGE_PUBLIC_ENDPOINT be two addresses of one store"
        : (bucketTwice(target, audience) ?? CHANGED.get(code ?? "") ?? mend),
    );
  }
  const seen = `a PUT to ${origin} was refused: ${refusalOf(answer, refused)}`;
  if (target.s3 === undefined) return failed("upload", seen, WHY, mend);
  if (code === "SignatureDoesNotMatch") {
    const own = yield* target.asKey("put", { method: "GET", query: [["max-keys", "1"]] });
    const isSecret = refusalIn(own).code === code && !(yield* knowsSecret(target, "put", audience));
    return isSecret
      ? failed("upload", seen, WHY, `${mend}${OR_PROXY}`)
      : failed(
          "upload",
          `a PUT to ${origin} was refused (${told(answer)}), and the secret is right: something on the way changes the request`,
          WHY,
          PASS_ON,
        );
  }
  if (code !== "AccessDenied") return failed("upload", seen, WHY, mend);
  if (!(yield* seesSignatures(target, audience))) {
    const { seen, why, mend } = NO_SIGNED_URLS;
    if (yield* takesSignedHeaders(target)) {
      return failed("upload", `the store at ${origin} ${seen}`, why, mend);
    }
    return failed(
      "upload",
      `a PUT to ${origin} was refused (${told(answer)}): the store does not see the signature`,
      WHY,
      PASS_QUERY,
    );
  }
  if (names.get.from === names.put.from) {
    return failed("upload", seen, WHY, target.s3.provider === "minio" ? ONE_KEY : mend);
  }
  const { ok } = yield* target.asKey("get", { method: "PUT", key: yield* target.newKey, body: "" });
  return ok
    ? failed(
        "upload",
        `${seen}; the key for downloads may put`,
        WHY,
        `swap ${names.put.from} and ${names.get.from}, with their secrets`,
      )
    : failed("upload", seen, WHY, mend);
});

/** MinIO reads a header that the URL forbids as if it were there, and then a statement denies it. */
const ONE_KEY =
  "allow the key what `valetkey policy put` prints; if it has these statements already and does everything, give uploads a key of their own (STORAGE_PUT_ACCESS_KEY, STORAGE_PUT_SECRET_KEY), or take the statements Never… out of its policy, since the URL of such a key forbids the same headers";

/** What to change on the way, by what the store saw. */
const CHANGED: ReadonlyMap<string, string> = new Map([
  ["SignatureDoesNotMatch", PASS_ON],
  ["AccessDenied", PASS_QUERY],
  ["InvalidRequest", PASS_QUERY],
  ["AuthorizationQueryParametersError", PASS_QUERY],
]);
