import { expectNone } from "../../adapters/contract/promises/harmless.ts";
import { register } from "../../adapters/contract/running/register.ts";
import { promises } from "../../adapters/contract/promises/store-promise.ts";
import { HARMS } from "../../adapters/contract/promises/unsigned-headers.ts";
import { useFewHeaders } from "../support/few-headers.ts";
import { isWhole, sharesServer, stores } from "./stores.ts";

// Which spellings a server takes is no other question of an upload that waits.
if (!isWhole) useFewHeaders({ headers: Infinity, spellings: ["with underscores"] });

const harmlessWaiting = HARMS.flatMap((harm) =>
  promises(["copies"], {
    [`no unsigned header of an upload that waits ${harm}`]: (subject) =>
      expectNone(subject, harm, "incoming"),
  }),
);

for (const store of stores) {
  if (store.without?.includes("copies") !== true && (isWhole || !sharesServer(store))) {
    register(store, harmlessWaiting);
  }
}
