import { Storage } from "@google-cloud/storage";
import { JWT } from "google-auth-library";
import type { KeyObject } from "node:crypto";
import type { KeySigner } from "../signing/signer.ts";
import { type GcsSettings, SCOPES } from "./settings.ts";

/** The official client, with the key of a service account or the credentials of this machine. */
export function makeClient(settings: GcsSettings, signer?: KeySigner<KeyObject>): Storage {
  const { endpoint, project, universeDomain } = settings;
  return new Storage({
    apiEndpoint: endpoint.href,
    // An emulator takes no credentials, and a token of ours would cross the network in clear.
    useAuthWithCustomEndpoint: endpoint.protocol === "https:",
    universeDomain,
    // A call that hangs must not hold its socket longer than anyone waits for it.
    timeout: 5000,
    retryOptions: { maxRetries: 1, totalTimeout: 5 },
    ...(signer === undefined ? {} : { authClient: authOf(signer, universeDomain) }),
    ...(project === undefined ? {} : { projectId: project }),
  });
}

function authOf({ keys }: KeySigner<KeyObject>, universeDomain: string): JWT {
  const key = keys.secretKey.export({ type: "pkcs8", format: "pem" }).toString();
  return new JWT({ email: keys.accessKey, key, scopes: SCOPES, universeDomain });
}
