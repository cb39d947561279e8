import { Storage } from "@google-cloud/storage";
import type { GcsSigner } from "./keys.ts";
import type { GcsSettings } from "./settings.ts";

/** The official client, with the key of a service account or the credentials of this machine. */
export function makeClient(settings: GcsSettings, signer?: GcsSigner): Storage {
  const { endpoint, project, universeDomain } = settings;
  const keys = signer?.keys;
  return new Storage({
    apiEndpoint: endpoint.href,
    // An emulator takes no credentials, and a token of ours would cross the network in clear.
    useAuthWithCustomEndpoint: endpoint.protocol === "https:",
    universeDomain,
    ...(project === undefined ? {} : { projectId: project }),
    ...(keys === undefined || typeof keys.secretKey === "string"
      ? {}
      : {
          credentials: {
            client_email: keys.accessKey,
            private_key: keys.secretKey.export({ type: "pkcs8", format: "pem" }).toString(),
          },
        }),
  });
}
