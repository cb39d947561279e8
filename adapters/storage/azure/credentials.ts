import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import type * as Scope from "effect/Scope";
import { CredentialsUnavailable } from "../../../domain/errors.ts";
import { neededBy } from "../../values/needed-by.ts";
import { always, current, hold, lookUp } from "../credentials/held.ts";
import { signedFetch } from "../rest/signed-fetch.ts";
import { textIn } from "../rest/xml.ts";
import type { BucketAddress } from "../signing/bucket-address.ts";
import type { CredentialSource, Signer } from "../signing/signer.ts";
import { untrustedIn } from "../untrusted.ts";
import { errorCode } from "./refusal.ts";
import {
  type AccessToken,
  accountSigner,
  bearer,
  type ClientSigner,
  clientSigner,
  type SasKey,
} from "./sas.ts";
import type { AzureSettings } from "./settings.ts";

/** Makes the signers for the service itself and for clients. */
export const azureSigners = Effect.fnUntraced(function* (
  settings: AzureSettings,
  address: BucketAddress,
): Effect.fn.Return<
  { readonly service: CredentialSource<Signer>; readonly client: CredentialSource<ClientSigner> },
  never,
  Scope.Scope
> {
  const { key } = settings;
  if (key !== undefined) {
    return { service: always(accountSigner(key)), client: always(clientSigner(key)) };
  }
  const service = yield* hold(Effect.map(yield* accessToken(settings), bearer));
  const client = yield* hold(Effect.map(delegationKey(settings, service, address), clientSigner));
  return { service, client };
});

const accessToken = ({ tenantId = "", clientId, clientSecret }: AzureSettings) =>
  Effect.promise(async () => {
    const { ClientSecretCredential, DefaultAzureCredential } = await loadIdentity();
    return clientId !== undefined && clientSecret !== undefined
      ? new ClientSecretCredential(tenantId, clientId, Redacted.value(clientSecret))
      : new DefaultAzureCredential(tenantId ? { additionallyAllowedTenants: [tenantId] } : {});
  }).pipe(
    Effect.map((credential) =>
      lookUp("Azure", async (): Promise<AccessToken> => {
        const { token, expiresOnTimestamp } = await credential.getToken(
          SCOPE,
          tenantId ? { tenantId } : {},
        );
        return { value: token, expiresAt: expiresOnTimestamp };
      }),
    ),
    Effect.map((looking) =>
      tenantId === ""
        ? looking
        : Effect.mapError(looking, ({ reason }) =>
            unavailable(
              `${reason}; an administrator of the tenant ${tenantId} has to admit the application, at https://login.microsoftonline.com/${tenantId}/adminconsent?client_id=${clientId ?? "ITS_ID"}`,
            ),
          ),
    ),
  );

async function loadIdentity() {
  try {
    return await import("@azure/identity");
  } catch (cause) {
    return neededBy("the store azure without a key", "@azure/identity")(cause);
  }
}

const SCOPE = "https://storage.azure.com/.default";

/** Azure issues a key for 7 days from its present time, which no signature outlives. */
const LONGEST_KEY = Duration.toMillis(Duration.hours(7 * 24 - 1));
const CLOCK_TOLERANCE = Duration.toMillis("15 minutes");

const delegationKey = Effect.fnUntraced(function* (
  settings: AzureSettings,
  service: CredentialSource<Signer>,
  address: BucketAddress,
): Effect.fn.Return<SasKey, CredentialsUnavailable> {
  // Waiting for the key reports what the identity lacks.
  yield* current(service);
  const now = yield* Clock.currentTimeMillis;
  const [start, end] = [now - CLOCK_TOLERANCE, now + LONGEST_KEY].map(
    (moment) => `${new Date(moment).toISOString().slice(0, 19)}Z`,
  );
  const answer = yield* signedFetch(
    {
      signer: service,
      address: { ...address, path: "/" },
      region: "",
      untrusted: untrustedIn(settings),
    },
    {
      method: "POST",
      query: [["restype", "service"] as const, ["comp", "userdelegationkey"] as const],
      body: `<KeyInfo><Start>${start}</Start><Expiry>${end}</Expiry></KeyInfo>`,
    },
  ).pipe(Effect.mapError(({ reason }) => unavailable(reason)));
  const key = answer.ok ? keyIn(settings.account, answer.text) : undefined;
  if (key !== undefined) return key;
  return yield* unavailable(
    `Azure gave no key to sign with (${answer.status} ${errorCode(answer) ?? ""}); the identity needs the roles that valetkey policy prints`,
  );
});

/** Returns the key in an answer to "Get User Delegation Key"; undefined if it is incomplete. */
export function keyIn(account: string, text: string): SasKey | undefined {
  const member = (name: string) => textIn(text, name) ?? "";
  const secret = member("Value");
  const delegation = {
    skoid: member("SignedOid"),
    sktid: member("SignedTid"),
    skt: member("SignedStart"),
    ske: member("SignedExpiry"),
    sks: member("SignedService"),
    skv: member("SignedVersion"),
  };
  const expiresAt = Date.parse(delegation.ske);
  if (secret === "" || Number.isNaN(expiresAt)) return undefined;
  return { account, secret: Buffer.from(secret, "base64"), delegation, expiresAt };
}

const unavailable = (reason: string) => new CredentialsUnavailable({ reason });
