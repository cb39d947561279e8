import * as Schema from "effect/Schema";
import { fileState } from "../../../application/files/file-state.ts";
import { StorageKey } from "../../../domain/storage-key.ts";
import { addressedKey, assertKey, openFileOperation } from "./open-file.ts";
import { FILES, operation } from "./operation.ts";

export const fileStateOperation = operation({
  action: "state",
  methods: ["GET"],
  path: `${openFileOperation.path}/state`,
  deepPaths: [`${FILES}/:month/:name/state`, `${FILES}/:path{[a-z].*\\.[a-z0-9_-]+/state}`],
  scope: "read",
  text: {
    operationId: "fileState",
    summary: "Tell whether a file is there",
    description: "Straight from the store, for those who wait until somebody has confirmed it.",
    answers: "The state of the file.",
  },
  query: (c, member) => ({ key: addressedKey(c, member).replace(/\/state$/, "") }),
  input: Schema.Struct({ key: Schema.String }),
  assertCall: assertKey,
  run: ({ member }, { key }) => fileState(member, key),
  output: Schema.Struct({
    key: StorageKey,
    state: Schema.Literals(["missing", "waiting", "ready"]).annotate({
      description:
        "`ready`: it is there; `waiting`: its upload has arrived, and is not confirmed; `missing`: it was not uploaded, was refused or removed, or has expired.",
    }),
    retryAfter: Schema.optionalKey(
      Schema.Natural.annotate({ description: "Seconds. Left out if the state will stay." }),
    ),
  }).annotate({ identifier: "FileState", description: "The state of a file." }),
  present: (file) => file,
  refusals: { OrganizationNotFound: true, StoreUnavailable: true },
});
