import * as Duration from "effect/Duration";
import * as Schema from "effect/Schema";
import { INCOMING_PREFIX, KEY_PREFIX } from "../../domain/storage-key.ts";
import { readStoreOrFail } from "./command/configuration.ts";
import { asJson, command, option } from "./command/command.ts";

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
      Schema.Literals(["put", "get", "service", "diagnose"]),
      "put, get, service or diagnose; the first three if left out",
      { isArgument: true },
    ),
    "put-user": user("signs uploads"),
    "get-user": user("signs downloads"),
    "service-user": user("the service itself is"),
  },
  run: async ({ use, ...users }) => {
    const { policies, storage } = readStoreOrFail(process.env);
    const { policyFor } = await storage.byHand();
    const all = [...policies.values()];
    const {
      command,
      each,
      all: ofAll,
    } = policyFor({
      bucket: storage.bucket?.name ?? "files",
      arrivals: [
        ...(all.some(({ arrival }) => arrival === "direct") ? [KEY_PREFIX] : []),
        ...(all.some(({ arrival }) => arrival === "incoming") ? [INCOMING_PREFIX] : []),
      ],
      longestPut: Math.max(...all.map(({ putLifetime }) => Duration.toMillis(putLifetime))),
      users: {
        put: users["put-user"],
        get: users["get-user"],
        service: users["service-user"],
      },
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
