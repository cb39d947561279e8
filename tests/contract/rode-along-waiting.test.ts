import { expectNone } from "../../adapters/storage/contract/harmless.ts";
import { register } from "../../adapters/storage/contract/register.ts";
import { promises } from "../../adapters/storage/contract/store-promise.ts";
import { HARMS } from "../../adapters/storage/contract/unsigned-headers.ts";
import { stores } from "./stores.ts";

const harmlessWaiting = HARMS.flatMap((harm) =>
  promises(["copies"], {
    [`no unsigned header of an upload that waits ${harm}`]: (subject) =>
      expectNone(subject, harm, "incoming"),
  }),
);

for (const store of stores) {
  if (store.without?.includes("copies") !== true) register(store, harmlessWaiting);
}
