import type { AuthClient } from "google-auth-library";
import type { KeyObject } from "node:crypto";
import type { KeySigner } from "../signing/signer.ts";
import { impersonate } from "./impersonate.ts";
import { type GcsSettings, SCOPES } from "./settings.ts";

/**
 * Makes a client that gets tokens of the role, or of the key's account; undefined for this machine's
 * own account. Those of a role live so many seconds, an hour at most.
 */
export async function accountClient(
  { key: account, role, iamEndpoint }: GcsSettings,
  key: KeySigner<KeyObject> | undefined,
  seconds?: number,
): Promise<AuthClient | undefined> {
  if (role !== undefined) return impersonate(role, iamEndpoint, seconds);
  if (key === undefined) return undefined;
  const { JWT } = await import("google-auth-library");
  return new JWT({
    email: key.keys.accessKey,
    key: key.keys.secretKey.export({ type: "pkcs8", format: "pem" }).toString(),
    scopes: SCOPES,
    ...(account?.universeDomain && { universeDomain: account.universeDomain }),
  });
}
