import * as Effect from "effect/Effect";
import { PROVIDERS } from "../../storage/s3/providers.ts";
import { faultIn } from "../../storage/rest/refusal-reason.ts";
import { providerIn } from "../../storage/s3/provider.ts";
import { check } from "./doctor.ts";
import * as refusals from "./refusals.ts";

const OTHER_PROVIDER =
  "Each provider enforces something else, so promises would be made that the store does not keep.";
const WHY = "Confirming an upload, and everything else that looks at the bucket, needs this.";

type State = "there" | "unusable" | "key refused";

/** Lists the bucket with the service's own key, and names its region and its server. */
export const bucket = check("bucket", function* (doctor, report): Effect.fn.Return<
  State,
  { readonly reason: string }
> {
  const { names, s3, store } = doctor;
  const failed = (seen: string, mend: string) => report.failed(seen, WHY, mend);
  if (s3 === undefined) {
    const reason = yield* Effect.match(store.ensureBucket, {
      onSuccess: () => undefined,
      onFailure: ({ reason }) => reason,
    });
    const isMissing = reason?.includes("does not exist");
    if (reason === undefined) report.passed("the bucket is there");
    else
      failed(
        reason,
        isMissing ? "correct STORAGE_BUCKET, or create the bucket" : names.service.mend,
      );
    return isMissing ? "unusable" : "there";
  }
  const answer = yield* doctor.sendAs("service", { method: "GET", query: [["max-keys", "1"]] });
  const { ok, headers, text, code, summary } = answer;
  const named = headers["x-amz-bucket-region"] ?? regionNamed(text);
  const region = String(named ?? s3.region);
  if (region !== s3.region) {
    const seen = `the bucket is in ${region}, and STORAGE_REGION is ${s3.region}`;
    const why = "A signature names the region, so the store refuses every URL.";
    doctor.report("region").failed(seen, why, `STORAGE_REGION=${region}`);
    return "unusable";
  }
  if (yield* refusals.isQueryLost(doctor, { audience: "internal", code })) {
    const seen = `the store does not see signatures (${summary}): something at STORAGE_ENDPOINT removes the query, or it takes signatures in headers alone`;
    report.failed(seen, "Every request counts as one without a key.", refusals.PASS_QUERY);
    return "unusable";
  }
  if (ok) report.passed(`${doctor.bucket} is there, in the region ${region}`);
  else {
    const { what, mend } = refusals.refusal(doctor, "service", answer);
    failed(what, refusals.bucketTwice(doctor, "internal") ?? mend);
  }
  const actual = providerIn(new Headers(headers as Record<string, string>));
  if (actual !== undefined && actual !== s3.provider && s3.provider !== "s3") {
    const [is, expected] = [actual, s3.provider].map((name) => PROVIDERS[name].title);
    const seen = `the server is ${is}, and is configured as ${expected}`;
    doctor.report("provider").failed(seen, OTHER_PROVIDER, `STORAGE_PROVIDER=${actual}`);
  }
  if (code === "NoSuchBucket") return "unusable";
  const isRefused = ["access key", "secret key", "session token"].includes(faultIn(code) ?? "");
  return isRefused ? "key refused" : "there";
});

const regionNamed = (text: string): string | undefined =>
  /<Region>([a-z0-9-]{1,64})</.exec(text)?.[1] ??
  /expecting (?:&#39;|')([a-z0-9-]{1,64})/.exec(text)?.[1];
