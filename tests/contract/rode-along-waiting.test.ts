import { harmlessWaiting } from "../../adapters/storage/contract/harmless.ts";
import { register } from "../../adapters/storage/contract/register.ts";
import { stores } from "./stores.ts";

for (const store of stores) {
  if (store.without?.includes("copies") !== true) register(store, harmlessWaiting);
}
