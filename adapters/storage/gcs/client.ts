import type { Storage } from "@google-cloud/storage";
import type { JWT } from "google-auth-library";
import type { KeyObject } from "node:crypto";
import { neededBy } from "../../settings/needed-by.ts";
import type { KeySigner } from "../signing/signer.ts";
import { type GcsSettings, SCOPES } from "./settings.ts";

/** What the client is made of, loaded from its packages. */
export interface Libraries {
  readonly Storage: typeof Storage;
  readonly JWT: typeof JWT;
}

/** Loads the official client, which those who sign with an HMAC key need not have. */
export async function loadClient(): Promise<Libraries> {
  try {
    const { Storage } = await import("@google-cloud/storage");
    const { JWT } = await import("google-auth-library");
    return { Storage, JWT };
  } catch (cause) {
    return neededBy("the store gcs", "@google-cloud/storage", "google-auth-library")(cause);
  }
}

/** The official client, with the key of a service account or the credentials of this machine. */
export function makeClient(
  { Storage, JWT }: Libraries,
  settings: GcsSettings,
  signer?: KeySigner<KeyObject>,
): Storage {
  const { endpoint, project, universeDomain } = settings;
  return new Storage({
    apiEndpoint: endpoint.href,
    // An emulator takes no credentials, and a token of ours would cross the network in clear.
    useAuthWithCustomEndpoint: endpoint.protocol === "https:",
    universeDomain,
    // A call that hangs must not hold its socket longer than anyone waits for it.
    timeout: 5000,
    retryOptions: { maxRetries: 1, totalTimeout: 5 },
    ...(signer === undefined ? {} : { authClient: new JWT(accountOf(signer, universeDomain)) }),
    ...(project === undefined ? {} : { projectId: project }),
  });
}

function accountOf({ keys }: KeySigner<KeyObject>, universeDomain: string) {
  const key = keys.secretKey.export({ type: "pkcs8", format: "pem" }).toString();
  return { email: keys.accessKey, key, scopes: SCOPES, universeDomain };
}
