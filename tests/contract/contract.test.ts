import { afterAll, beforeAll } from "vitest";
import { harmless } from "../../adapters/contract/promises/harmless.ts";
import { contract } from "../../adapters/contract/index.ts";
import { PROMISES } from "../../adapters/contract/promises/promises.ts";
import { most } from "../../adapters/contract/subject/races.ts";
import { register } from "../../adapters/contract/running/register.ts";
import { isWhole, sharesServer, stores } from "./stores.ts";

/** Each has the signer, the client or the server of stores that are always tried. */
const FOR_RELEASES: ReadonlySet<string> = new Set([
  "minio, with versions suspended",
  "gcs, HMAC key",
]);

const others = PROMISES.filter((promise) => !harmless.includes(promise));

const { bytes } = most;
beforeAll(() => void (most.bytes = isWhole ? bytes : 1_000_000));
afterAll(() => void (most.bytes = bytes));

for (const store of stores) {
  if (isWhole || !sharesServer(store)) contract(store);
  else if (!FOR_RELEASES.has(store.name)) register(store, others);
}
