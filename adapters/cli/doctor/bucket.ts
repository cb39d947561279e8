import * as Effect from "effect/Effect";
import { PROVIDERS } from "../../storage/providers.ts";
import { providerIn } from "../../storage/rest/s3-object-store.ts";
import { check, type Doctor } from "./doctor.ts";
import type { Report } from "./finding.ts";
import {
  bucketTwice,
  isKeyRefused,
  knowsSecret,
  NO_SIGNED_URLS,
  OR_PROXY,
  PASS_QUERY,
  PASS_REQUEST,
  refusalMend,
  refusalReason,
  regionNamed,
  seesSignatures,
  takesSignedHeaders,
} from "./refusals.ts";

const WHY = "Confirming an upload, and everything else that looks at the bucket, needs this.";

/** The bucket as the service's own key sees it; further checks need it. */
type State = "there" | "unusable" | "key refused";

/** Lists the bucket with the service's own key, and names its region and its server. */
export const bucket = check("bucket", function* (doctor, report): Effect.fn.Return<
  State,
  { readonly reason: string }
> {
  return yield* doctor.s3 === undefined
    ? byPort(doctor, report)
    : byRequest(doctor, doctor.s3, report);
});

const byPort = ({ store }: Doctor, { passed, failed }: Report) =>
  Effect.match(store.ensureBucket, {
    onSuccess: (): State => {
      passed("the bucket is there");
      return "there";
    },
    onFailure: ({ reason }): State => {
      failed(reason, WHY, "correct STORAGE_BUCKET, or create the bucket");
      return reason.includes("does not exist") ? "unusable" : "there";
    },
  });

const byRequest = Effect.fnUntraced(function* (
  doctor: Doctor,
  { provider, region: configured }: NonNullable<Doctor["s3"]>,
  { passed, failed }: Report,
): Effect.fn.Return<State, { readonly reason: string }> {
  const answer = yield* doctor.sendAs("service", { method: "GET", query: [["max-keys", "1"]] });
  const { ok, headers, text, code, told } = answer;
  const region = String(headers["x-amz-bucket-region"] ?? regionNamed(text) ?? configured);
  if (region !== configured) {
    doctor
      .report("region")
      .failed(
        `the bucket is in ${region}, and STORAGE_REGION is ${configured}`,
        "A signature names the region, so the store refuses every URL.",
        `STORAGE_REGION=${region}`,
      );
    return "unusable";
  }
  if (code === "AccessDenied" && !(yield* seesSignatures(doctor, "internal"))) {
    if (yield* takesSignedHeaders(doctor)) {
      const [takes, why, mend] = NO_SIGNED_URLS;
      failed(`the store ${takes}`, why, mend);
    } else {
      failed(
        `the store does not see signatures (${told}): something at STORAGE_ENDPOINT removes the query`,
        "Every request counts as one without a key.",
        PASS_QUERY,
      );
    }
    return "unusable";
  }
  const isMismatch = code === "SignatureDoesNotMatch";
  if (isMismatch && (yield* knowsSecret(doctor, "service", "internal"))) {
    failed(
      `the secret is right, and the store sees another request than was signed (${told}): something at STORAGE_ENDPOINT changes Host or the path`,
      WHY,
      PASS_REQUEST,
    );
    return "unusable";
  }
  if (ok) passed(`${doctor.bucket} is there, in the region ${region}`);
  else {
    const mend = `${refusalMend(doctor, "service", answer)}${isMismatch ? OR_PROXY : ""}`;
    const twice = bucketTwice(doctor, "internal");
    failed(refusalReason(doctor, "service", answer), WHY, twice ?? mend);
  }
  const actual = providerIn(new Headers(headers as Record<string, string>));
  if (actual !== undefined && actual !== provider && provider !== "s3") {
    doctor
      .report("provider")
      .failed(
        `the server is ${PROVIDERS[actual].title}, and is configured as ${PROVIDERS[provider].title}`,
        "Each provider enforces something else, so promises would be made that the store does not keep.",
        `STORAGE_PROVIDER=${actual}`,
      );
  }
  if (code === "NoSuchBucket") return "unusable";
  return isKeyRefused(answer) ? "key refused" : "there";
});
