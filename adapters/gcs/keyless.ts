import type { Storage } from "@google-cloud/storage";
import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Schedule from "effect/Schedule";
import type * as Scope from "effect/Scope";
import * as Semaphore from "effect/Semaphore";
import { CredentialsUnavailable } from "../../application/ports/presigner.ts";
import { GOOG4_RSA_SHA256 } from "../signing/algorithms.ts";
import { type Ending, hold } from "../signing/held.ts";
import { type Signatory, toBeSigned } from "../signing/sign-query.ts";
import type { Signer } from "../signing/signer.ts";

type Auth = Storage["authClient"];

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
  auth: Auth,
  iamEndpoint: URL,
): Effect.fn.Return<Signer, never, Scope.Scope> {
  const account = yield* hold(serviceAccountOf(auth));
  const token = yield* hold(accessTokenOf(auth));
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
        const call = Effect.flatMap(token(now, ONE_CALL), ({ value }) =>
          signBlob({ auth, address, token: value, text }),
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

const isTransient = (failure: CredentialsUnavailable | Failure) =>
  "isTransient" in failure && failure.isTransient;

/** The address of the service account that signs. */
const serviceAccountOf = (auth: Auth): Effect.Effect<Signatory & Ending, CredentialsUnavailable> =>
  lookUp(async () => {
    const { client_email: accessKey } = await auth.getCredentials();
    if (accessKey === undefined) throw new Error(NO_ACCOUNT);
    return { algorithm: GOOG4_RSA_SHA256, accessKey };
  });

const NO_ACCOUNT =
  "these Google credentials name no service account to sign as; let them impersonate one, or give a key";

interface Token {
  readonly value: string;
  readonly expiresAt: number;
}

/** The access token of this machine; the official client gives a new one 5 minutes before its end. */
const accessTokenOf = (auth: Auth): Effect.Effect<Token, CredentialsUnavailable> =>
  lookUp(async () => {
    const client = await auth.getClient();
    const { token } = await client.getAccessToken();
    if (!token) throw new Error("Google gave no access token");
    // Where no end is told, it is asked for again soon.
    const expiresAt = client.credentials.expiry_date ?? Date.now() + 60_000;
    return { value: token, expiresAt };
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
  /** Whether the same call might succeed a moment later. */
  readonly isTransient: boolean;
}

/** One call to IAM: the signature of `text` in hexadecimal. */
const signBlob = (call: {
  readonly auth: Auth;
  readonly address: string;
  readonly token: string;
  readonly text: string;
}): Effect.Effect<string, Failure> =>
  Effect.tryPromise({
    try: async (signal) => {
      // The client's own way to the network, which knows of proxies.
      const { transporter } = await call.auth.getClient();
      const { data, status } = await transporter.request<{ readonly signedBlob?: string }>({
        url: call.address,
        method: "POST",
        headers: { Authorization: `Bearer ${call.token}` },
        data: { payload: Buffer.from(call.text).toString("base64") },
        responseType: "json",
        timeout: ONE_CALL,
        retry: false,
        validateStatus: () => true,
        signal,
      });
      return { signedBlob: data.signedBlob, status };
    },
    catch: (cause): Failure => ({
      reason: `IAM cannot be reached: ${messageOf(cause)}`,
      isTransient: true,
    }),
  }).pipe(
    Effect.flatMap(({ signedBlob, status }) =>
      status === 200 && signedBlob !== undefined
        ? Effect.succeed(Buffer.from(signedBlob, "base64").toString("hex"))
        : Effect.fail<Failure>({
            reason: status === 403 ? NOT_PERMITTED : `IAM answered signBlob with ${status}`,
            isTransient: status === 429 || status >= 500,
          }),
    ),
  );

const NOT_PERMITTED =
  "IAM may not sign as this service account: it needs iam.serviceAccounts.signBlob on itself (the role Service Account Token Creator)";

const messageOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause));
