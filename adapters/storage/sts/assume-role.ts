import * as Clock from "effect/Clock";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Redacted from "effect/Redacted";
import type { CredentialsUnavailable, StoreUnavailable } from "../../../domain/errors.ts";
import { onOneLine } from "../../values/printable.ts";
import { refusalIn } from "../rest/refusal-reason.ts";
import { type Bucket, exchange, type StoreResponse, unavailable } from "../rest/signed-fetch.ts";
import { textIn, unescape } from "../rest/xml.ts";
import { aws4For } from "../signing/algorithms.ts";
import { signHeaders } from "../signing/sign-headers.ts";
import type { CredentialSource, KeySigner } from "../signing/signer.ts";

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
): Effect.Effect<Session, StoreUnavailable | CredentialsUnavailable> =>
  Effect.gen(function* () {
    const { signer, role, region } = sts;
    const { origin, host, unsignedPrefix } = sts.address;
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
    const sent = { method: "POST", body } as const;
    const request = { ...sent, path: "/", headers: { ...FORM, host }, region, now };
    // In headers, since MinIO's service takes no signature in the query.
    const signed = signHeaders({ ...keys, algorithm: STS }, request);
    const url = `${origin}${unsignedPrefix}/`;
    const answer = yield* exchange(sts, sent, { url, headers: { ...FORM, ...signed } });
    return yield* sessionIn(answer) ?? unavailable(explained(answer, role));
  });

const STS = aws4For("sts");
const FORM = { "content-type": "application/x-www-form-urlencoded" };

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
