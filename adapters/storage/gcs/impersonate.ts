import type { OAuth2Client } from "google-auth-library";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { memberAt } from "../../values/decode.ts";
import { errorMessage } from "../../values/thrown.ts";
import { withoutSlashes } from "../signing/bucket-address.ts";
import { SCOPES } from "./settings.ts";

const CALL_TIMEOUT = 5000;

/** In seconds, unless an organization's policy lets an account have longer ones. */
const LONGEST_TOKEN = 3600;

/**
 * Makes a client that acts as another account, with tokens for an hour, or less, that it renews:
 * "projects.serviceAccounts.generateAccessToken", IAM Service Account Credentials API. The library's
 * own class for this writes a warning to the console.
 */
export async function impersonate(
  account: string,
  iamEndpoint: URL,
  seconds = LONGEST_TOKEN,
): Promise<OAuth2Client> {
  const { GoogleAuth, OAuth2Client } = await import("google-auth-library");
  const base = `${withoutSlashes(iamEndpoint.href)}/v1/projects/-/serviceAccounts`;
  const client = new OAuth2Client();
  client.refreshHandler = async () => {
    try {
      // Without a project, it would run gcloud.
      const { data } = await new GoogleAuth({ projectId: "none", scopes: SCOPES }).request<unknown>(
        {
          url: `${base}/${encodeURIComponent(account)}:generateAccessToken`,
          method: "POST",
          data: { scope: SCOPES, lifetime: `${Math.min(seconds, LONGEST_TOKEN)}s` },
          timeout: CALL_TIMEOUT,
          retry: false,
        },
      );
      const [token, end] = ["accessToken", "expireTime"].map((name) => memberAt(data, [name]));
      return { access_token: String(token), expiry_date: Date.parse(String(end)) };
    } catch (cause) {
      const isRefused = memberAt(cause, ["status"]) === 403;
      const reason = isRefused ? notAllowed(account) : `IAM gave no token: ${errorMessage(cause)}`;
      throw new StoreUnavailable({ kind: isRefused ? "refused" : "unreachable", reason });
    }
  };
  return client;
}

const notAllowed = (account: string) =>
  `this service may not act as ${account}: its owner has to grant the role Service Account Token Creator on it to this service's account`;
