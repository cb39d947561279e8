import { contract } from "../../adapters/storage/contract/index.ts";
import { isFullRun } from "../support/full-run.ts";
import { stores } from "./stores.ts";

/** Each has the signer, the client or the server of stores that are always tried. */
const FOR_RELEASES: ReadonlySet<string> = new Set([
  "aws, native signer",
  "minio, with versions suspended",
  "gcs, HMAC key",
]);

for (const store of stores) {
  if (isFullRun || !FOR_RELEASES.has(store.name)) contract(store);
}
