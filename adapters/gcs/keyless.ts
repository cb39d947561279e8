import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Schedule from "effect/Schedule";
import type * as Scope from "effect/Scope";
import * as Semaphore from "effect/Semaphore";
import type { AuthClient, GoogleAuth } from "google-auth-library";
import { CredentialsUnavailable } from "../../application/ports/presigner.ts";
import { GOOG4_RSA_SHA256 } from "../signing/algorithms.ts";
import { type Ending, hold } from "../signing/held.ts";
import { type Signatory, toBeSigned } from "../signing/sign-query.ts";
import type { Signer } from "../signing/signer.ts";

/**
 * Google rotates the keys that `signBlob` signs with, and promises 12 hours: "Signed URLs", Cloud
 * Storage documentation.
 */
const LONGEST_LIFE = Duration.toSeconds("12 hours");

/** Calls to IAM at a time, and how long a signature may take with its place in the queue. */
const CONCURRENCY = 64;
const PATIENCE = "5 seconds";
const ONE_CALL = 2000;
const RETRIES = Schedule.exponential("100 millis").pipe(Schedule.jittered);

/**
 * Signs without a key: IAM does it, as the service account that this machine or workload has. Its
 * address is looked up once and its access token held, so that a signature costs one call.
 */
export const keylessSigner = Effect.fnUntraced(function* (
  /** The credentials of this machine, looked for anew. */
  makeAuth: () => GoogleAuth,
  iamEndpoint: URL,
): Effect.fn.Return<Signer, never, Scope.Scope> {
  const account = yield* hold(serviceAccount(makeAuth));
  const token = yield* hold(accessToken(makeAuth));
  const permits = yield* Semaphore.make(CONCURRENCY);
  const base = `${iamEndpoint.href.replace(/\/+$/, "")}/v1/projects/-/serviceAccounts`;

  return {
    longestLife: LONGEST_LIFE,
    sign: Effect.fnUntraced(
      function* (signing) {
        const now = yield* Clock.currentTimeMillis;
        const signatory = yield* account(now, 0);
        const { text, url } = toBeSigned(signatory, signing);
        const address = `${base}/${encodeURIComponent(signatory.accessKey)}:signBlob`;
        let rejected: Token | undefined;
        const call = Clock.currentTimeMillis.pipe(
          Effect.flatMap((now) => token(now, ONE_CALL, rejected)),
          Effect.flatMap((token) =>
            Effect.tapError(signBlob(token, address, text), ({ status }) =>
              Effect.sync(() => (rejected = status === 401 ? token : undefined)),
            ),
          ),
        );
        const signature = yield* call.pipe(
          Effect.retry({ schedule: RETRIES, times: 4, while: isTransient }),
          permits.withPermit,
        );
        return url + signature;
      },
      Effect.timeoutOrElse({
        duration: PATIENCE,
        orElse: () => Effect.fail({ reason: "IAM did not sign within 5 seconds" }),
      }),
      Effect.mapError(({ reason }) => new CredentialsUnavailable({ reason })),
    ),
  };
});

/** Another token, or a moment later, may help. */
const isTransient = (failure: CredentialsUnavailable | Failure) =>
  "status" in failure &&
  (failure.status === 401 || failure.status === 429 || failure.status >= 500);

/** The address of the service account that signs. */
const serviceAccount = (
  makeAuth: () => GoogleAuth,
): Effect.Effect<Signatory & Ending, CredentialsUnavailable> =>
  lookUp(async () => {
    const { client_email: accessKey } = await makeAuth().getCredentials();
    if (accessKey === undefined) throw new Error(NO_ACCOUNT);
    return { algorithm: GOOG4_RSA_SHA256, accessKey };
  });

const NO_ACCOUNT =
  "these Google credentials name no service account to sign as; let them impersonate one, or give a key";

interface Token {
  readonly value: string;
  readonly expiresAt: number;
  /** The official client's way to the network, which knows of proxies. */
  readonly transporter: AuthClient["transporter"];
}

/** An access token of this machine; a new client each time, since one keeps the token it has. */
const accessToken = (makeAuth: () => GoogleAuth): Effect.Effect<Token, CredentialsUnavailable> =>
  lookUp(async () => {
    const client = await makeAuth().getClient();
    const { token } = await client.getAccessToken();
    if (!token) throw new Error("Google gave no access token");
    // Where no end is told, it is asked for again soon.
    const expiresAt = client.credentials.expiry_date ?? Date.now() + 60_000;
    return { value: token, expiresAt, transporter: client.transporter };
  });

const lookUp = <A>(ask: () => Promise<A>): Effect.Effect<A, CredentialsUnavailable> =>
  Effect.tryPromise({
    try: ask,
    catch: (cause) =>
      new CredentialsUnavailable({ reason: `no Google credentials: ${messageOf(cause)}` }),
  }).pipe(
    Effect.timeoutOrElse({
      duration: "10 seconds",
      orElse: () =>
        Effect.fail(
          new CredentialsUnavailable({ reason: "no Google credentials within 10 seconds" }),
        ),
    }),
  );

interface Failure {
  readonly reason: string;
  /** What IAM answered; 503 where it did not. */
  readonly status: number;
}

/** One call to IAM: the signature of `text` in hexadecimal. */
const signBlob = (
  { value, transporter }: Token,
  url: string,
  text: string,
): Effect.Effect<string, Failure> =>
  Effect.tryPromise({
    try: (signal) =>
      transporter.request<{ readonly signedBlob?: string }>({
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
      reason: `IAM cannot be reached: ${messageOf(cause)}`,
      status: 503,
    }),
  }).pipe(
    Effect.flatMap(({ data: { signedBlob }, status }) =>
      status === 200 && signedBlob !== undefined
        ? Effect.succeed(Buffer.from(signedBlob, "base64").toString("hex"))
        : Effect.fail<Failure>({
            reason: status === 403 ? NOT_PERMITTED : `IAM answered signBlob with ${status}`,
            status,
          }),
    ),
  );

const NOT_PERMITTED =
  "IAM may not sign as this service account: it needs iam.serviceAccounts.signBlob on itself (the role Service Account Token Creator)";

const messageOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause));
