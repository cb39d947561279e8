import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { BucketCors } from "../bucket-cors.ts";
import { observeLife } from "../credentials/held.ts";
import { makeBucketInBackground } from "../rest/make-bucket.ts";
import { bind } from "../signing/binding.ts";
import { bucketAddresses } from "../signing/bucket-address.ts";
import { urlPresigner } from "../signing/url-presigner.ts";
import { untrustedIn } from "../untrusted.ts";
import { azureBinding, azureOverrides, azurePartQuery } from "./binding.ts";
import { azureCors } from "./cors.ts";
import { azureSigners } from "./credentials.ts";
import { azureObjectStore } from "./object-store.ts";
import { scopedCredentials } from "./scoped-credentials.ts";
import { azureAbilities, type AzureSettings } from "./settings.ts";

/** The account's name is the path of an emulator's address, which is not signed. */
export const layer = (settings: AzureSettings): Layer.Layer<Presigner | ObjectStore> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const addresses = bucketAddresses({ ...settings, pathStyle: true });
      const { service, client } = yield* azureSigners(settings, addresses.internal);
      const abilities = azureAbilities(settings);
      const presigner = urlPresigner({
        addresses,
        region: "",
        binding: azureBinding(abilities),
        overrides: azureOverrides,
        parts: { binding: () => bind([]), query: azurePartQuery },
        signers: { put: client, get: client },
      });
      const untrusted = untrustedIn(settings);
      const at = { signer: service, address: addresses.internal, region: "", untrusted };
      const container = { settings, bucket: at, client };
      const store: ObjectStore["Service"] = {
        ...azureObjectStore(container, abilities),
        ...(abilities.has("scoped credentials") && {
          credentials: scopedCredentials(settings, addresses, client),
        }),
      };
      yield* makeBucketInBackground(store, settings, "container");
      yield* observeLife({ service, client });
      return Context.make(Presigner, presigner).pipe(
        Context.add(ObjectStore, store),
        Context.add(BucketCors, azureCors(settings)),
      );
    }),
  );
