import * as Duration from "effect/Duration";
import * as Schema from "effect/Schema";
import { INCOMING_PREFIX, KEY_PREFIX } from "../../../domain/storage-key.ts";
import type { StoreSettings } from "../../service/settings.ts";
import type { PolicyInput } from "../../storage/by-hand.ts";
import { option } from "./command.ts";

export const PRINCIPAL_OPTION = {
  principal: option("NAME", Schema.NonEmptyString, "this service's own identity", {
    note: "which a role or a tenant lets in: an ARN at AWS, the address of a service account at Google, the id of an application at Azure",
  }),
};

/** Stands for the identity of the service where it was not named. */
export const OURS = "VALETKEY";

/** Returns the permissions that the service needs in a bucket, by its policies. */
export async function permissionsFor(
  { policies, storage }: Pick<StoreSettings, "policies" | "storage">,
  users: PolicyInput["users"] = {},
  arrivals = arrivalsBy(policies),
) {
  const { policyFor } = await storage.byHand();
  const all = [...policies.values()];
  return policyFor({
    bucket: storage.bucket?.name ?? "files",
    arrivals,
    longestPut: Math.max(...all.map(({ putLifetime }) => Duration.toMillis(putLifetime))),
    users,
  });
}

const arrivalsBy = (policies: StoreSettings["policies"]) => [
  ...([...policies.values()].some(({ arrival }) => arrival === "direct") ? [KEY_PREFIX] : []),
  ...([...policies.values()].some(({ arrival }) => arrival === "incoming")
    ? [INCOMING_PREFIX]
    : []),
];
