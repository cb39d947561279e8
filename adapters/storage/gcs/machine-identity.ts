import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { CredentialsUnavailable } from "../../../domain/errors.ts";
import type { AuthClient, GoogleAuth } from "google-auth-library";
import type { Ending } from "../credentials/held.ts";
import { lookUp } from "../credentials/look-up.ts";
import { GOOG4_RSA_SHA256 } from "../signing/algorithms.ts";
import type { Signatory } from "../signing/sign-query.ts";

/** Looks anew for the credentials of this machine or workload, as Google's libraries do. */
export type MakeAuth = () => GoogleAuth;

/** The service account that this machine or workload runs as. */
export const serviceAccount = (
  makeAuth: MakeAuth,
): Effect.Effect<Signatory & Ending, CredentialsUnavailable> =>
  lookUp("Google", async () => {
    const { client_email: accessKey } = await makeAuth().getCredentials();
    if (accessKey === undefined) throw new Error(NO_ACCOUNT);
    return { algorithm: GOOG4_RSA_SHA256, accessKey };
  });

const NO_ACCOUNT =
  "they name no service account to sign as; let them impersonate one, or give a key";

/** What lets a call to Google in. */
export interface AccessToken {
  readonly value: string;
  readonly expiresAt: number;
  /** The official client's way to the network, which knows of proxies. */
  readonly transporter: AuthClient["transporter"];
}

/** An access token of this machine; of a new client each time, since one keeps what it has. */
export const accessToken = (
  makeAuth: MakeAuth,
): Effect.Effect<AccessToken, CredentialsUnavailable> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    lookUp("Google", async () => {
      const client = await makeAuth().getClient();
      const { token } = await client.getAccessToken();
      if (!token) throw new Error("there is no access token among them");
      // Where no end is told, it is asked for again soon.
      const expiresAt = client.credentials.expiry_date ?? now + 60_000;
      return { value: token, expiresAt, transporter: client.transporter };
    }),
  );
