import { StoreUnavailable } from "../../../domain/errors.ts";
import { say, type Text, VARIABLES, type Vocabulary } from "../../settings/source.ts";
import { onOneLine } from "../../values/printable.ts";
import { errorReason } from "../../values/thrown.ts";
import { mainKeySettings } from "../credentials/key-settings.ts";
import * as storage from "../settings.ts";
import type { StoreResponse } from "./signed-fetch.ts";
import { codeIn, temporaryFailure } from "./temporary.ts";

export interface StoreRefusal {
  readonly status?: number;
  /** Undefined without one, as in every answer to `HEAD`. */
  readonly code: string | undefined;
  readonly message?: string | undefined;
  readonly retryAfter?: string | undefined;
}

export interface BucketSettings {
  readonly bucket: string;
  readonly words?: Vocabulary | undefined;
}

export const callFailed = (
  settings: BucketSettings,
  cause: unknown,
  refusal: StoreRefusal | undefined,
): StoreUnavailable => {
  if (cause instanceof StoreUnavailable) return cause;
  if (refusal !== undefined) return refused(settings, refusal);
  return new StoreUnavailable({ kind: "unreachable", reason: errorReason(cause) });
};

export const refused = (settings: BucketSettings, refusal: StoreRefusal): StoreUnavailable =>
  temporaryFailure(refusal) ??
  new StoreUnavailable({
    kind: isSenseless(refusal) ? "senseless" : "refused",
    reason: explainRefusal(settings, refusal),
  });

/**
 * Returns true for an answer that says nothing: servers that do not know a bucket or an object may
 * answer 404 without a code.
 */
export const isSenseless = ({ status, code }: StoreRefusal) => code === undefined && status !== 404;

export const refusalIn = ({
  status,
  text,
}: Pick<StoreResponse, "status" | "text">): StoreRefusal => ({
  status,
  code: codeIn(text),
  message: /<Message>([^<]*)<\/Message>/.exec(text)?.[1]?.replaceAll("&#39;", "'"),
});

/** Explains a refusal, and what to do: "Error responses", Amazon S3 API Reference. */
export function explainRefusal(settings: BucketSettings, refusal: StoreRefusal): string {
  const { words = VARIABLES } = settings;
  const { status, code, message = "" } = refusal;
  const fault = faultIn(code);
  if (fault === "bucket" || (code === undefined && status === 404)) return noBucket(settings);
  if (fault !== undefined) return `${say(ADVICE[fault], words)} (${code}${followed(message)})`;
  if (code !== undefined) return `the store answered ${code}${followed(message)}`;
  return `the answer (${status ?? "without a status"}) has no error code, so it is not from a store; check ${words.name(storage.endpoint)}`;
}

export const noBucket = ({ bucket, words = VARIABLES }: BucketSettings): string =>
  `the bucket ${bucket} does not exist; create it, or set ${words.assign(storage.createBucket, true)}`;

const followed = (message: string) =>
  message === "" ? "" : `: ${onOneLine(message.slice(0, 200))}`;

export const faultIn = (code: string | undefined): Fault | undefined => FAULTS.get(code ?? "");

type Fault = keyof typeof CODES;

const CODES = {
  "access key": ["InvalidAccessKeyId", "InvalidAccessKey"],
  "secret key": ["SignatureDoesNotMatch"],
  "session token": ["InvalidToken", "InvalidTokenId", "ExpiredToken"],
  clock: ["RequestTimeTooSkewed", "RequestExpired", "ExpiredPresignRequest", "RequestNotReadyYet"],
  region: [
    "AuthorizationHeaderMalformed",
    "AuthorizationQueryParametersError",
    "IllegalLocationConstraintException",
    "InvalidRegion",
    "PermanentRedirect",
    "TemporaryRedirect",
  ],
  permission: ["AccessDenied"],
  access: ["AllAccessDisabled"],
  bucket: ["NoSuchBucket"],
} as const;

const FAULTS = new Map(
  Object.entries(CODES).flatMap(([fault, codes]) =>
    codes.map((code): [string, Fault] => [code, fault as Fault]),
  ),
);

const ADVICE: Readonly<Record<Exclude<Fault, "bucket">, Text>> = {
  "access key": ({ name }) =>
    `the store does not know the access key; check ${name(mainKeySettings.accessKey)}`,
  "secret key": ({ name }) => `the secret key is wrong; check ${name(mainKeySettings.secretKey)}`,
  "session token": ({ name }) =>
    `the session token is invalid or has expired; renew ${name(mainKeySettings.sessionToken)}`,
  clock: "the store rejects the time of the request; correct this machine's clock",
  region: ({ name }) => `the region is wrong; set ${name(storage.region)} to the bucket's own`,
  permission: "the key may not list the bucket; allow it s3:ListBucket",
  access: "all access to the bucket is disabled; ask its owner to enable it",
};

/** Largest difference of clocks without a report, in milliseconds. */
const MAX_SKEW = 60_000;

/** Reports a wrong clock, which official clients correct silently. Times are in milliseconds. */
export function clockFault(date: string | null | undefined, now: number): string | undefined {
  const difference = now - Date.parse(date ?? "");
  // Without a date, the difference is not a number.
  if (!(Math.abs(difference) > MAX_SKEW)) return undefined;
  const minutes = Math.round(Math.abs(difference) / 60_000);
  return `this machine's clock is ${minutes} min ${difference > 0 ? "ahead of" : "behind"} the store's; correct it, or the store refuses uploads`;
}
