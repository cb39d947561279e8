import * as Clock from "effect/Clock";
import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import type { ObjectStore } from "../../../application/ports/object-store.ts";
import type { Audience } from "../../../application/ports/presigner.ts";
import { asUnavailable } from "../rest/signed-fetch.ts";
import type { BucketAddress } from "../signing/bucket-address.ts";
import type { CredentialSource } from "../signing/signer.ts";
import { type ClientSigner, signDirectory } from "./sas.ts";
import type { AzureSettings } from "./settings.ts";

/** Signs a directory with the delegation key at hand, which lives for days. */
export const scopedCredentials =
  (
    { bucket }: AzureSettings,
    addresses: Readonly<Record<Audience, BucketAddress>>,
    client: CredentialSource<ClientSigner>,
  ): NonNullable<ObjectStore["Service"]["credentials"]> =>
  ({ prefix, lifetime, audience }) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis;
      const { key } = yield* client(now, Duration.toMillis(lifetime));
      const { origin, unsignedPrefix, path } = addresses[audience];
      const expiresIn = Duration.toSeconds(lifetime);
      const sas = signDirectory(key, { origin, path: `${path}/${prefix}`, now, expiresIn });
      return {
        kind: "azure" as const,
        endpoint: `${origin}${unsignedPrefix}`,
        bucket,
        sas: Redacted.make(sas),
        expiresAt: DateTime.makeUnsafe((Math.floor(now / 1000) + expiresIn) * 1000),
      };
    }).pipe(Effect.mapError(asUnavailable));
