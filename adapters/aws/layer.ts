import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { v4Presigner } from "../signing/v4-presigner.ts";
import { addresses } from "./addresses.ts";
import { makeClient } from "./client.ts";
import { heldKeys } from "./held-keys.ts";
import { objectStore } from "./object-store.ts";
import type { AwsSettings } from "./settings.ts";

/** Amazon S3, and everything that speaks its API: signs by ourselves or by the official presigner. */
export const layer = (settings: AwsSettings): Layer.Layer<Presigner | ObjectStore> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const internal = makeClient(settings, settings.endpoint);
      // One chain for both: what is signed and when it ends must be of the same credentials.
      const chain = internal.config.credentials;
      const clients = {
        public: makeClient(settings, settings.publicEndpoint ?? settings.endpoint, chain),
        internal,
      };
      const at = yield* Effect.promise(() => addresses(settings, clients));
      const keys =
        settings.accessKey === undefined || settings.secretKey === undefined
          ? heldKeys(clients.internal)
          : Effect.succeed({
              keys: {
                accessKey: settings.accessKey,
                secretKey: Redacted.value(settings.secretKey),
                sessionToken: settings.sessionToken && Redacted.value(settings.sessionToken),
              },
            });
      const presigner =
        settings.signer === "sdk"
          ? (yield* Effect.promise(() => import("./sdk-presigner.ts"))).sdkPresigner(
              settings,
              clients,
              keys,
              at.public.origin,
            )
          : v4Presigner({ addresses: at, region: settings.region, keys });
      return Layer.merge(
        Layer.succeed(Presigner, presigner),
        Layer.succeed(ObjectStore, objectStore(settings, clients.internal)),
      );
    }),
  );
