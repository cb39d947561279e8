import * as Schema from "effect/Schema";
import { command, option } from "../command/command.ts";
import { readStoreOrFail } from "../../service/settings.ts";

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
    const configured = readStoreOrFail(process.env);
    // The documents are loaded for this command alone.
    const { runPolicy } = await import("./run.ts");
    const named = {
      put: users["put-user"],
      get: users["get-user"],
      service: users["service-user"],
    };
    return runPolicy(configured, { use, users: named });
  },
});
