import * as Clock from "effect/Clock";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Redacted from "effect/Redacted";
import { hash } from "node:crypto";
import { CredentialsUnavailable } from "../../../domain/errors.ts";
import { onOneLine } from "../../values/printable.ts";
import { refusalIn } from "../rest/refusal-reason.ts";
import { type Bucket, exchange, type StoreResponse } from "../rest/signed-fetch.ts";
import { textIn, unescape } from "../rest/xml.ts";
import { AWS4_STS } from "../signing/algorithms.ts";
import { timestampAt } from "../signing/sign-query.ts";
import type { CredentialSource, KeySigner } from "../signing/signer.ts";
import { canonicalRequest, type Pair, signedHeaders, stringToSign } from "../signing/v4.ts";

/** A request for credentials that may do what a policy allows, at most. */
export interface SessionRequest {
  readonly policy: object;
  /** 900 or more. */
  readonly seconds: number;
}

export interface Session {
  readonly accessKeyId: string;
  readonly secretAccessKey: Redacted.Redacted;
  readonly sessionToken: Redacted.Redacted;
  readonly expiresAt: DateTime.Utc;
}

/** Where a store answers as a Security Token Service: at its own address. */
export interface Sts extends Pick<Bucket, "region" | "untrusted"> {
  readonly signer: CredentialSource<KeySigner>;
  readonly address: Pick<Bucket["address"], "origin" | "host" | "unsignedPrefix">;
  /** Left out for MinIO, which gives a user's credentials without a role. */
  readonly role?: string | undefined;
}

/**
 * Asks the store itself for credentials: "AssumeRole", AWS Security Token Service API Reference, as
 * MinIO, Ceph and SeaweedFS have it. Fails with what the operator has to change.
 */
export const assumeRole = (
  sts: Sts,
  { policy, seconds }: SessionRequest,
): Effect.Effect<Session, CredentialsUnavailable> =>
  Effect.gen(function* () {
    const { signer, role } = sts;
    const now = yield* Clock.currentTimeMillis;
    const body = new URLSearchParams({
      Action: "AssumeRole",
      Version: "2011-06-15",
      DurationSeconds: String(seconds),
      Policy: JSON.stringify(policy),
      RoleSessionName: "valetkey-credentials",
      ...(role !== undefined && { RoleArn: role }),
    }).toString();
    const { keys } = yield* signer(now, 0);
    const request = signed(sts, keys, body, now);
    const answer = yield* exchange(sts, { method: "POST", body }, request);
    return yield* sessionIn(answer) ?? unavailable(explained(answer, role));
  }).pipe(
    Effect.catchTag("StoreUnavailable", ({ reason }) => unavailable(reason)),
    Effect.timeoutOrElse({
      duration: TIMEOUT,
      orElse: () => unavailable(`the store gave no temporary credentials within ${TIMEOUT}`),
    }),
  );

const TIMEOUT = "10 seconds";

/** Signs in headers, since MinIO's service takes no signature in the query. */
function signed(
  { region, address: { origin, host, unsignedPrefix } }: Sts,
  { accessKey, secretKey, sessionToken }: KeySigner["keys"],
  body: string,
  now: number,
) {
  const timestamp = timestampAt(now);
  const day = timestamp.slice(0, 8);
  const beside: ReadonlyArray<Pair> = [
    ["x-amz-content-sha256", hash("sha256", body, "hex")],
    ["x-amz-date", timestamp],
    ...(sessionToken === undefined ? [] : [["x-amz-security-token", sessionToken] as const]),
  ];
  const form = ["content-type", "application/x-www-form-urlencoded"] as const;
  const headers = [form, ["host", host] as const, ...beside];
  const names = signedHeaders(headers);
  const scope = AWS4_STS.scope(day, region);
  const text = stringToSign({
    algorithm: AWS4_STS,
    timestamp,
    scope,
    canonicalRequest: canonicalRequest({
      method: "POST",
      path: "/",
      query: "",
      headers,
      signedHeaders: names,
    }),
  });
  const signature = AWS4_STS.signer(secretKey, day, region)(text);
  const authorization = `${AWS4_STS.name} Credential=${accessKey}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return {
    url: `${origin}${unsignedPrefix}/`,
    headers: { ...Object.fromEntries([form, ...beside]), authorization },
  };
}

function sessionIn({ ok, text }: StoreResponse) {
  const read = (name: string) => unescape(textIn(text, name) ?? "").trim();
  const accessKeyId = read("AccessKeyId");
  const secret = read("SecretAccessKey");
  const token = read("SessionToken");
  const expiresAt = Option.getOrUndefined(DateTime.make(read("Expiration")));
  if (!ok || accessKeyId === "" || secret === "" || token === "" || !expiresAt) return undefined;
  return Effect.succeed<Session>({
    accessKeyId,
    secretAccessKey: Redacted.make(secret),
    sessionToken: Redacted.make(token),
    expiresAt: DateTime.toUtc(expiresAt),
  });
}

function explained(answer: StoreResponse, role: string | undefined): string {
  const { code, message = "" } = refusalIn(answer);
  const what = `the store gave no temporary credentials (${answer.status} ${code ?? "without a code"}${message && `: ${onOneLine(message.slice(0, 200))}`})`;
  return role === undefined
    ? `${what}; its key must be of a user, or the root user's, and not temporary or a service account`
    : `${what}; the role ${role} must let the service's key assume it`;
}

const unavailable = (reason: string) => Effect.fail(new CredentialsUnavailable({ reason }));
