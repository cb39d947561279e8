import { contract } from "../../adapters/storage/contract/index.ts";
import { stores } from "./stores.ts";

for (const store of stores) contract(store);
