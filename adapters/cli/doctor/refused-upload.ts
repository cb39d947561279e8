import type { Audience } from "../../../application/ports/presigner.ts";
import { check, type Doctor, type StoreAnswer } from "./doctor.ts";
import { first } from "./problems.ts";
import * as refusals from "./refusals.ts";

const WHY = "Every upload fails like this.";

export interface RefusedUpload {
  readonly audience: Audience;
  readonly origin: string;
  readonly answer: StoreAnswer;
  /** The other endpoint, if it accepted an upload. */
  readonly acceptedAt?: string;
}

/**
 * Reports why a signed PUT was refused. If the other endpoint accepted the same, or the store does
 * not see the signature, something on the way has changed it.
 */
export const refusedUpload = check("upload", function* (doctor, report, refused: RefusedUpload) {
  const { audience, origin, answer, acceptedAt } = refused;
  const { sendAs, names, s3 } = doctor;
  const { code, message, summary, text } = answer;
  const bare = { method: "PUT", key: doctor.newKey(), body: "" } as const;
  // Amazon names the headers. MinIO does not, and says so too where a signed one is missing.
  const added = /<HeadersNotSigned>([\w-,; ]{1,200})</.exec(text)?.[1];
  if (added !== undefined || message.includes("not signed")) {
    if (added === undefined && (yield* sendAs("put", bare, audience)).ok) {
      const seen = `a proxy on the way removes a signed header, Content-Type or Content-Length; so ${origin} refuses every upload`;
      return doctor.report("proxy").failed(seen, WHY, refusals.PASS_REQUEST);
    }
    const headers = added ?? "an x-amz-* header";
    return headersAdded(doctor, headers, `so ${origin} refuses every upload`);
  }
  const isElsewhere = acceptedAt !== undefined;
  const isOther = code === "InvalidAccessKeyId" || code === "NoSuchBucket";
  // Another request of the same key with a valid signature.
  const isChanged =
    s3 !== undefined &&
    !isElsewhere &&
    code === "SignatureDoesNotMatch" &&
    (yield* sendAs("put", { method: "GET", query: [["max-keys", "1"]] })).code !== code;
  const isQueryLost = !isElsewhere && (yield* refusals.isQueryLost(doctor, { audience, code }));
  const isDenied = s3 !== undefined && code === "AccessDenied" && !isElsewhere && !isQueryLost;
  const isOneKey = names.get.from === names.put.from;
  const isSwapped = isDenied && !isOneKey && (yield* sendAs("get", bare)).ok;
  const seen = `a PUT to ${origin} was refused`;
  const refusal = refusals.refusal(doctor, "put", answer);
  const twice = refusals.bucketTwice(doctor, audience);
  const { what, mend } = first({
    [`${seen} (${summary}), and the same at ${acceptedAt} was accepted: another store is there`]:
      isElsewhere && isOther && ONE_STORE,
    [`${seen} (${summary}), and the same at ${acceptedAt} was accepted: something there changes the request`]:
      isElsewhere && (twice ?? CHANGE_MENDS.get(code ?? "") ?? refusal.mend),
    [`${seen} (${summary}), and the secret is right: something on the way changes the request`]:
      isChanged && refusals.PASS_REQUEST,
    [`${seen} (${summary}): the store does not see the signature`]:
      isQueryLost && refusals.PASS_QUERY,
    [`${seen}: ${refusal.what}; the key for downloads may put`]:
      isSwapped && `swap ${names.put.from} and ${names.get.from}, with their secrets`,
    [`${seen}: ${refusal.what}`]: isDenied && isOneKey && s3.provider === "minio" && ONE_KEY,
  }) ?? { what: `${seen}: ${refusal.what}`, mend: twice ?? refusal.mend };
  return report.failed(what, WHY, mend);
});

export function headersAdded({ report }: Doctor, headers: string, consequence: string): void {
  const seen = `a proxy on the way adds ${headers}, which nobody signed; ${consequence}`;
  const why = "Stores refuse x-amz-* headers that were not signed, or obey them.";
  const mend = 'remove the header in the proxy; in nginx: proxy_set_header NAME "";';
  report("proxy").failed(seen, why, mend);
}

export const ONE_STORE =
  "let STORAGE_ENDPOINT and STORAGE_PUBLIC_ENDPOINT be two addresses of one store";

/** MinIO treats a header that the URL forbids as present, and a statement then denies it. */
const ONE_KEY =
  "allow the key what `valetkey policy put` prints; if it has these statements already and does everything, give uploads a key of their own (STORAGE_PUT_ACCESS_KEY, STORAGE_PUT_SECRET_KEY), or take the statements Never… out of its policy, since the URL of such a key forbids the same headers";

const CHANGE_MENDS: ReadonlyMap<string, string> = new Map([
  ["SignatureDoesNotMatch", refusals.PASS_REQUEST],
  ["AccessDenied", refusals.PASS_QUERY],
  ["InvalidRequest", refusals.PASS_QUERY],
  ["AuthorizationQueryParametersError", refusals.PASS_QUERY],
]);
