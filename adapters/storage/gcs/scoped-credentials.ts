import type { AuthClient } from "google-auth-library";
import * as Clock from "effect/Clock";
import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import type { ObjectStore } from "../../../application/ports/object-store.ts";
import { memberAt } from "../../values/decode.ts";
import { current, lookUp } from "../credentials/held.ts";
import { asUnavailable } from "../rest/signed-fetch.ts";
import { withoutSlashes } from "../signing/bucket-address.ts";
import type { CredentialSource } from "../signing/signer.ts";
import { accountClient } from "./account-client.ts";
import { type GcsSigner, isServiceAccount } from "./credentials.ts";
import { loadAuth } from "./keyless.ts";
import { type GcsSettings, SCOPES } from "./settings.ts";

/**
 * Exchanges a token of the service's account for one that may create and list below a prefix: it
 * lives as long as the other. "Credential Access Boundaries overview", IAM documentation. The
 * official `DownscopedClient` asks at one address alone, for as long as it takes.
 */
export const scopedCredentials =
  (
    settings: GcsSettings,
    signer: CredentialSource<GcsSigner> | undefined,
  ): NonNullable<ObjectStore["Service"]["credentials"]> =>
  ({ prefix, lifetime, audience }) =>
    Effect.gen(function* () {
      const { bucket, endpoint, publicEndpoint = endpoint } = settings;
      const held = signer && (yield* current(signer));
      const key = held && isServiceAccount(held) ? held : undefined;
      const now = yield* Clock.currentTimeMillis;
      const { token, end } = yield* lookUp("Google", async () => {
        const { GoogleAuth } = await loadAuth();
        const client: AuthClient =
          (await accountClient(settings, key, Duration.toSeconds(lifetime))) ??
          // Without a project, it would run gcloud.
          (await new GoogleAuth({ projectId: "none", scopes: SCOPES }).getClient());
        return exchange(client, stsFor(settings), boundary(bucket, prefix), now);
      });
      return {
        kind: "gcs" as const,
        endpoint: withoutSlashes((audience === "public" ? publicEndpoint : endpoint).href),
        bucket,
        accessToken: Redacted.make(token),
        expiresAt: DateTime.makeUnsafe(end),
      };
    }).pipe(Effect.mapError(asUnavailable));

/** "Method: token", Security Token Service API. */
async function exchange(client: AuthClient, url: string, options: object, now: number) {
  const { token: subject } = await client.getAccessToken();
  const { data } = await client.transporter.request<unknown>({
    url,
    method: "POST",
    data: new URLSearchParams({
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      requested_token_type: TOKEN,
      subject_token: subject ?? "",
      subject_token_type: TOKEN,
      options: JSON.stringify(options),
    }),
    responseType: "json",
    timeout: 5000,
    retry: false,
  });
  const [token, seconds] = ["access_token", "expires_in"].map((name) => memberAt(data, [name]));
  // It tells the end only of tokens of service accounts.
  const end = seconds === undefined ? client.credentials.expiry_date : now + Number(seconds) * 1000;
  if (typeof token !== "string" || !(Number(end) > now)) throw new Error("the answer has no token");
  return { token, end: Number(end) };
}

const TOKEN = "urn:ietf:params:oauth:token-type:access_token";

/** Beside IAM, also where that has a private address. */
const stsFor = ({ iamEndpoint: { href } }: GcsSettings) =>
  `${withoutSlashes(href.replace("//iamcredentials", "//sts"))}/v1/token`;

/**
 * The role to create objects overwrites nothing, and that of a bucket's readers reads no object. Of
 * a call that lists nothing the prefix is empty.
 */
function boundary(bucket: string, prefix: string) {
  const availableResource = `//storage.googleapis.com/projects/_/buckets/${bucket}`;
  const rule = (role: string, expression: string) => ({
    availableResource,
    availablePermissions: [`inRole:roles/storage.${role}`],
    availabilityCondition: { title: "prefix", expression },
  });
  const names = JSON.stringify(`projects/_/buckets/${bucket}/objects/${prefix}`);
  const listed = "api.getAttribute('storage.googleapis.com/objectListPrefix', '')";
  const accessBoundaryRules = [
    rule("objectCreator", `resource.name.startsWith(${names})`),
    rule("legacyBucketReader", `${listed}.startsWith(${JSON.stringify(prefix)})`),
  ];
  return { accessBoundary: { accessBoundaryRules } };
}
