import * as Effect from "effect/Effect";
import { PROVIDERS, type ProviderName } from "../../storage/providers.ts";
import { refusalIn } from "../../storage/rest/refusal-reason.ts";
import { providerIn } from "../../storage/rest/s3-object-store.ts";
import { isKeyRefused, mendOf, refusalOf, regionNamed } from "./store-answer.ts";
import { bucketTwice, OR_PROXY, PASS_ON, PASS_QUERY, seesSignatures } from "./address.ts";
import { failed, type Findings, passed, unknown } from "./finding.ts";
import type { KeyNames } from "./key-names.ts";
import { knowsSecret, NO_SIGNED_URLS, takesSignedHeaders } from "./other-signatures.ts";
import type { Target } from "./target.ts";

const WHY = "Confirming an upload, and everything else that looks at the bucket, needs this.";

/** What is known of the bucket; without one nothing further can be tried. */
interface Found {
  readonly findings: Findings;
  readonly isThere: boolean;
  /** Whether the store refuses the service's key itself, whatever it may do. */
  readonly isKeyRefused: boolean;
}

/** Whether the service's own key reaches the bucket, in its region, and which server answers. */
export const bucket = (target: Target, names: KeyNames): Effect.Effect<Found> =>
  (target.s3 === undefined ? byPort(target) : byRequest(target, target.s3, names)).pipe(
    Effect.catch(({ reason }) =>
      Effect.succeed({
        findings: [unknown("bucket", reason)],
        isThere: true,
        isKeyRefused: false,
      }),
    ),
  );

const byPort = ({ store }: Target) =>
  Effect.match(store.ensureBucket, {
    onSuccess: () => ({
      findings: [passed("bucket", "the bucket is there")],
      isThere: true,
      isKeyRefused: false,
    }),
    onFailure: ({ reason }) => ({
      findings: [failed("bucket", reason, WHY, "correct STORAGE_BUCKET, or create the bucket")],
      isThere: !reason.includes("does not exist"),
      isKeyRefused: false,
    }),
  });

const byRequest = Effect.fnUntraced(function* (
  target: Target,
  { bucket: name, provider, region: configured }: NonNullable<Target["s3"]>,
  names: KeyNames,
) {
  const { ok, status, headers, text } = yield* target.asKey("service", {
    method: "GET",
    query: [["max-keys", "1"]],
  });
  const region = regionIn(headers, text) ?? configured;
  if (region !== configured) {
    const wrong = failed(
      "region",
      `the bucket is in ${region}, and STORAGE_REGION is ${configured}`,
      "A signature names the region, so the store refuses every URL.",
      `STORAGE_REGION=${region}`,
    );
    return { findings: [wrong], isThere: false, isKeyRefused: false };
  }
  const answer = { status, body: Buffer.from(text) };
  const refused = { use: "service", name: names.service, bucket: name } as const;
  const { code } = refusalIn({ status, text });
  if (code === "AccessDenied" && !(yield* seesSignatures(target, "internal"))) {
    const { seen, why, mend } = NO_SIGNED_URLS;
    const unseen = (yield* takesSignedHeaders(target))
      ? failed("bucket", `the store ${seen}`, why, mend)
      : failed(
          "bucket",
          `the store does not see signatures (${status} ${code}): something at STORAGE_ENDPOINT removes the query`,
          "Every request counts as one without a key.",
          PASS_QUERY,
        );
    return { findings: [unseen], isThere: false, isKeyRefused: false };
  }
  const isMismatch = code === "SignatureDoesNotMatch";
  if (isMismatch && (yield* knowsSecret(target, "service", "internal"))) {
    const changed = failed(
      "bucket",
      `the secret is right, and the store sees another request than was signed (${status} ${code}): something at STORAGE_ENDPOINT changes Host or the path`,
      WHY,
      PASS_ON,
    );
    return { findings: [changed], isThere: false, isKeyRefused: false };
  }
  const own = ok
    ? passed("bucket", `${name} is there, in the region ${region}`)
    : failed(
        "bucket",
        refusalOf(answer, refused),
        WHY,
        bucketTwice(target, "internal") ??
          `${mendOf(answer, refused)}${isMismatch ? OR_PROXY : ""}`,
      );
  return {
    findings: [own, ...server(provider, headers)],
    isThere: code !== "NoSuchBucket",
    isKeyRefused: isKeyRefused(answer),
  };
});

/** The region that the store names, when it knows better. */
const regionIn = (headers: Headers, text: string): string | undefined =>
  headers.get("x-amz-bucket-region") ?? regionNamed(text);

/** Whether the server is the one that the configuration names. */
function server(provider: ProviderName, headers: Headers): Findings {
  const actual = providerIn(headers);
  if (actual === undefined || actual === provider || provider === "s3") return [];
  return [
    failed(
      "provider",
      `the server is ${PROVIDERS[actual].title}, and is configured as ${PROVIDERS[provider].title}`,
      "Each provider enforces something else, so promises would be made that the store does not keep.",
      `STORAGE_PROVIDER=${actual}`,
    ),
  ];
}
