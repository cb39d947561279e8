import type { Audience } from "../../../application/ports/presigner.ts";
import { check, type Doctor, type StoreAnswer } from "./doctor.ts";
import {
  bucketTwice,
  headersNotSigned,
  knowsSecret,
  NO_SIGNED_URLS,
  OR_PROXY,
  PASS_QUERY,
  PASS_REQUEST,
  refusalMend,
  refusalReason,
  seesSignatures,
  takesSignedHeaders,
} from "./refusals.ts";

const WHY = "Every upload fails like this.";

interface RefusedUpload {
  readonly audience: Audience;
  readonly url: string;
  readonly answer: StoreAnswer;
  /** The other endpoint, where an upload was accepted. */
  readonly acceptedAt: string | undefined;
}

/**
 * Reports why a signed PUT was refused. Where the same was accepted at the other endpoint, or the
 * store does not see the signature, something on the way has changed it.
 */
export const refusedUpload = check("upload", function* (doctor, report, refused: RefusedUpload) {
  const { audience, url, answer, acceptedAt } = refused;
  const { sendAs, newKey, names, s3 } = doctor;
  const { code, message, told, text } = answer;
  const { origin } = new URL(url);
  const failed = (seen: string, mend: string) => report.failed(seen, WHY, mend);
  // Amazon names the headers. MinIO does not, and says so too where a signed one is missing.
  const added = headersNotSigned(text);
  if (added !== undefined || message.includes("not signed")) {
    const bare = { method: "PUT", key: yield* newKey, body: "" } as const;
    if (added !== undefined || !(yield* sendAs("put", bare, audience)).ok) {
      const headers = added ?? "an x-amz-* header";
      return headersAdded(doctor, headers, `so ${origin} refuses every upload`);
    }
    return doctor
      .report("proxy")
      .failed(
        `a proxy on the way removes a signed header, Content-Type or Content-Length; so ${origin} refuses every upload`,
        WHY,
        PASS_REQUEST,
      );
  }
  const twice = bucketTwice(doctor, audience);
  const mend = twice ?? refusalMend(doctor, "put", answer);
  if (acceptedAt !== undefined) {
    const isOther = code === "InvalidAccessKeyId" || code === "NoSuchBucket";
    return failed(
      `a PUT to ${origin} was refused (${told}), and the same at ${acceptedAt} was accepted: ${isOther ? "another store is there" : "something there changes the request"}`,
      isOther ? ONE_STORE : (twice ?? CHANGES.get(code ?? "") ?? mend),
    );
  }
  const seen = `a PUT to ${origin} was refused: ${refusalReason(doctor, "put", answer)}`;
  if (s3 === undefined) return failed(seen, mend);
  if (code === "SignatureDoesNotMatch") {
    const own = yield* sendAs("put", { method: "GET", query: [["max-keys", "1"]] });
    const isSecret = own.code === code && !(yield* knowsSecret(doctor, "put", audience));
    return isSecret
      ? failed(seen, `${mend}${OR_PROXY}`)
      : failed(
          `a PUT to ${origin} was refused (${told}), and the secret is right: something on the way changes the request`,
          PASS_REQUEST,
        );
  }
  if (code !== "AccessDenied") return failed(seen, mend);
  if (!(yield* seesSignatures(doctor, audience))) {
    if (yield* takesSignedHeaders(doctor)) {
      const [takes, why, mend] = NO_SIGNED_URLS;
      return report.failed(`the store at ${origin} ${takes}`, why, mend);
    }
    return failed(
      `a PUT to ${origin} was refused (${told}): the store does not see the signature`,
      PASS_QUERY,
    );
  }
  if (names.get.from === names.put.from) {
    return failed(seen, s3.provider === "minio" ? ONE_KEY : mend);
  }
  const { ok } = yield* sendAs("get", { method: "PUT", key: yield* newKey, body: "" });
  return ok
    ? failed(
        `${seen}; the key for downloads may put`,
        `swap ${names.put.from} and ${names.get.from}, with their secrets`,
      )
    : failed(seen, mend);
});

/** Reports headers of an upload that a proxy has added. */
export const headersAdded = (doctor: Doctor, headers: string, consequence: string): void =>
  doctor
    .report("proxy")
    .failed(
      `a proxy on the way adds ${headers}, which nobody signed; ${consequence}`,
      "Stores refuse x-amz-* headers that were not signed, or obey them.",
      'remove the header in the proxy; in nginx: proxy_set_header NAME "";',
    );

export const ONE_STORE =
  "let STORAGE_ENDPOINT and STORAGE_PUBLIC_ENDPOINT be two addresses of one store";

/** MinIO reads a header that the URL forbids as if it were there, and then a statement denies it. */
const ONE_KEY =
  "allow the key what `valetkey policy put` prints; if it has these statements already and does everything, give uploads a key of their own (STORAGE_PUT_ACCESS_KEY, STORAGE_PUT_SECRET_KEY), or take the statements Never… out of its policy, since the URL of such a key forbids the same headers";

/** The mend of a proxy, by what the store saw. */
const CHANGES: ReadonlyMap<string, string> = new Map([
  ["SignatureDoesNotMatch", PASS_REQUEST],
  ["AccessDenied", PASS_QUERY],
  ["InvalidRequest", PASS_QUERY],
  ["AuthorizationQueryParametersError", PASS_QUERY],
]);
