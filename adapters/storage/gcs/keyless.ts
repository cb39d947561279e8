import type { AuthClient, GoogleAuth } from "google-auth-library";
import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schedule from "effect/Schedule";
import * as Schema from "effect/Schema";
import type * as Scope from "effect/Scope";
import * as Semaphore from "effect/Semaphore";
import { CredentialsUnavailable } from "../../../domain/errors.ts";
import { always, current, type Expiring, hold, lookUp } from "../credentials/held.ts";
import { GOOG4_RSA_SHA256 } from "../signing/algorithms.ts";
import { type QuerySigning, type Signatory, toBeSigned } from "../signing/sign-query.ts";
import type { CredentialSource, Signer } from "../signing/signer.ts";
import { type GcsSettings, SCOPES } from "./settings.ts";
import { withoutSlashes } from "../signing/bucket-address.ts";
import { neededBy } from "../../values/needed-by.ts";
import { VARIABLES, type Vocabulary } from "../../settings/source.ts";
import { credentialSettings } from "./credentials.ts";
import { errorMessage } from "../../values/thrown.ts";

/** Longest life of the keys behind `signBlob`: "Signed URLs", Cloud Storage documentation. */
const LONGEST_LIFE = Duration.toSeconds("12 hours");

/** Includes the wait for a permit. */
const CONCURRENCY = 64;
const SIGN_TIMEOUT = "5 seconds";
const ONE_CALL = 2000;
const TOO_LATE = new CredentialsUnavailable({ reason: `IAM did not sign within ${SIGN_TIMEOUT}` });
const RETRIES = Schedule.exponential("100 millis").pipe(Schedule.jittered);

/** Signs by one call each: the account's address is looked up once, and the access token cached. */
export const keylessSigner = Effect.fnUntraced(function* (
  { iamEndpoint, words }: GcsSettings,
  asAccount?: string,
): Effect.fn.Return<Signer, never, Scope.Scope> {
  if (asAccount === undefined) yield* Effect.logWarning(costs(words));
  const { GoogleAuth } = yield* Effect.promise(loadAuth);
  // A new client looks for credentials again. Without a project, it would run gcloud.
  const makeAuth = () => new GoogleAuth({ projectId: "none", scopes: SCOPES });
  const account: CredentialSource<Signatory> =
    asAccount === undefined
      ? yield* hold(serviceAccount(makeAuth))
      : always<Signatory>({ algorithm: GOOG4_RSA_SHA256, accessKey: asAccount });
  const token = yield* hold(accessToken(makeAuth));
  const permits = yield* Semaphore.make(CONCURRENCY);
  const base = `${withoutSlashes(iamEndpoint.href)}/v1/projects/-/serviceAccounts`;

  const sign = (signing: QuerySigning) =>
    Effect.gen(function* () {
      const signatory = yield* current(account);
      const { text, url } = toBeSigned(signatory, signing);
      const address = `${base}/${encodeURIComponent(signatory.accessKey)}:signBlob`;
      let rejected: AccessToken | undefined;
      const call = Effect.gen(function* () {
        const held = yield* token(yield* Clock.currentTimeMillis, ONE_CALL, rejected);
        return yield* Effect.tapError(signBlob(held, address, text), ({ status }) =>
          Effect.sync(() => (rejected = status === 401 ? held : undefined)),
        );
      });
      const signature = yield* call.pipe(
        Effect.retry({ schedule: RETRIES, times: 4, while: isTransient }),
        permits.withPermit,
      );
      return url + signature;
    }).pipe(
      Effect.mapError(({ reason }) => new CredentialsUnavailable({ reason })),
      Effect.timeoutOrElse({ duration: SIGN_TIMEOUT, orElse: () => Effect.fail(TOO_LATE) }),
    );

  return { longestLife: LONGEST_LIFE, sign };
});

/** The status is 503 if IAM did not answer. */
interface Failure {
  readonly reason: string;
  readonly status?: number;
}

const isTransient = ({ status = 0 }: Failure) => [401, 429].includes(status) || status >= 500;

const signBlob = Effect.fnUntraced(function* (
  { value, transporter }: AccessToken,
  url: string,
  text: string,
) {
  const { data, status } = yield* Effect.tryPromise({
    try: (signal) =>
      transporter.request<unknown>({
        url,
        method: "POST",
        headers: { Authorization: `Bearer ${value}` },
        data: { payload: Buffer.from(text).toString("base64") },
        responseType: "json",
        timeout: ONE_CALL,
        retry: false,
        validateStatus: () => true,
        signal,
      }),
    catch: (cause): Failure => ({
      reason: `IAM cannot be reached: ${errorMessage(cause)}`,
      status: 503,
    }),
  });
  if (status !== 200) {
    const reason = status === 403 ? NOT_PERMITTED : `IAM answered signBlob with ${status}`;
    return yield* Effect.fail<Failure>({ reason, status });
  }
  const { signedBlob } = Option.getOrElse(decodeAnswer(data), () => ({ signedBlob: "" }));
  const signature = Buffer.from(signedBlob, "base64");
  if (signature.length >= SHORTEST_SIGNATURE) return signature.toString("hex");
  return yield* Effect.fail<Failure>({ reason: "IAM answered without a signature", status: 502 });
});

/** Length of a signature by an RSA key of 1024 bits, in bytes; Google's are longer. */
const SHORTEST_SIGNATURE = 128;

const decodeAnswer = Schema.decodeUnknownOption(Schema.Struct({ signedBlob: Schema.String }));

const NOT_PERMITTED =
  "this service account may not sign through IAM: it needs iam.serviceAccounts.signBlob on itself, or on the account as which it signs (the role Service Account Token Creator)";

const serviceAccount = (makeAuth: () => GoogleAuth) =>
  lookUp("Google", async (): Promise<Signatory & Expiring> => {
    const { client_email: accessKey } = await makeAuth().getCredentials();
    if (accessKey === undefined) throw new Error(NO_ACCOUNT);
    return { algorithm: GOOG4_RSA_SHA256, accessKey };
  });

const NO_ACCOUNT =
  "they name no service account that could sign; let them impersonate one, or give a key";

interface AccessToken {
  readonly value: string;
  readonly expiresAt: number;
  /** Sends requests as the official client does, through a proxy if there is one. */
  readonly transporter: AuthClient["transporter"];
}

/** Returns an access token. A client keeps its token, so each call makes a client. */
const accessToken = (makeAuth: () => GoogleAuth) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    lookUp("Google", async (): Promise<AccessToken> => {
      const client = await makeAuth().getClient();
      const { token } = await client.getAccessToken();
      if (!token) throw new Error("there is no access token among them");
      // A token without an expiry time is renewed soon.
      const expiresAt = client.credentials.expiry_date ?? now + 60_000;
      return { value: token, expiresAt, transporter: client.transporter };
    }),
  );

export async function loadAuth(): Promise<typeof import("google-auth-library")> {
  try {
    return await import("google-auth-library");
  } catch (cause) {
    return neededBy("the store gcs without a key", "google-auth-library")(cause);
  }
}

const costs = ({ name }: Vocabulary = VARIABLES) =>
  `no key is configured, so IAM signs: one call for each URL and each look at a file, and URLs live 12 hours at most; to sign without calls, set the key of a service account (${name(credentialSettings.applicationCredentials)} or ${name(credentialSettings.credentials)}) or an HMAC key (${name(credentialSettings.accessKey)})`;
