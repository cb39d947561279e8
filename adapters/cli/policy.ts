import * as Schema from "effect/Schema";
import { readStoreOrFail, STORE_OPTION } from "./command/configuration.ts";
import { asJson, command, option } from "./command/command.ts";
import { CommandFailure, EXIT } from "./command/failure.ts";
import { OURS, permissionsFor, PRINCIPAL_OPTION } from "./command/permissions.ts";

const user = (role: string) =>
  option("NAME", Schema.NonEmptyString, `the user that ${role}, as the store knows it`, {
    note: "for a policy of the bucket (Ceph, versitygw); the configured access key or valetkey-… if left out",
  });

export const policy = command({
  name: "policy",
  summary: "Print what each key has to be allowed, and nothing more, in the form of the store",
  options: {
    use: option(
      "KEY",
      Schema.Literals(["put", "get", "service", "diagnose", "trust"]),
      "put, get, service or diagnose; the first three if left out; trust for what lets a role or a tenant be used",
      { isArgument: true },
    ),
    ...STORE_OPTION,
    "put-user": user("signs uploads"),
    "get-user": user("signs downloads"),
    "service-user": user("the service itself is"),
    ...PRINCIPAL_OPTION,
  },
  run: async ({ store: name, use, principal, ...users }) => {
    const store = readStoreOrFail(process.env, name);
    if (use === "trust") {
      const given = (await store.storage.byHand()).trust?.(principal ?? OURS);
      if (given === undefined) {
        const message = "The store has neither a role for everything nor a tenant.";
        throw new CommandFailure({ code: EXIT.usage, message });
      }
      const { document, command } = given;
      return { ...(document && { result: asJson(document) }), message: `To set it: ${command}.` };
    }
    const {
      command,
      each,
      all: ofAll,
    } = await permissionsFor(store, {
      put: users["put-user"],
      get: users["get-user"],
      service: users["service-user"],
    });
    const byHand = command(use ?? "KEY");
    const document = ofAll ?? (use && each?.[use]);
    if (document !== undefined)
      return { result: asJson(document), message: `To set it: ${byHand}.` };
    if (each === undefined) return { message: `${byHand}.` };
    const { put, get, service } = each;
    return { result: asJson({ put, get, service }), message: `For each: ${byHand}.` };
  },
});
