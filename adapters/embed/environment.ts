import { VARIABLES, variables } from "../settings/source.ts";
import * as store from "../storage/stores/stores.ts";
import { Storage } from "./arguments.ts";
import { orThrow } from "./options.ts";

/**
 * Makes the store for `createValetkey` that `STORAGE_ADAPTER` and the other variables of the
 * service choose; the embedded store if none is set. The packages of that store have to be
 * installed. Throws a `TypeError` for wrong variables.
 */
export function storageFromEnvironment(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Storage {
  const storageAt = (publicUrl: URL) =>
    orThrow("The store", store.read(variables(env), publicUrl), [], VARIABLES);
  storageAt(new URL("http://unknown"));
  return new Storage(storageAt);
}
