import * as Schema from "effect/Schema";
import { removeFile } from "../../../application/files/remove-file.ts";
import { addressedKey, assertKey, openFileOperation } from "./open-file.ts";
import { operation } from "./operation.ts";

export const removeFileOperation = operation({
  action: "remove",
  methods: ["DELETE"],
  path: openFileOperation.path,
  deepPaths: openFileOperation.deepPaths,
  scope: "remove",
  own: "mine",
  text: {
    operationId: "removeFile",
    summary: "Remove a file",
    description:
      "With all versions that the store shows, and what of its upload still waits. To remove it again is no error.",
    answers: { 204: { description: "The file is not there." } },
  },
  query: (c, member) => ({ key: addressedKey(c, member) }),
  input: Schema.Struct({ key: Schema.String }),
  assertCall: assertKey,
  run: ({ member }, { key }) => removeFile({ member, key }),
  present: (): void => undefined,
  refusals: {
    OrganizationNotFound: true,
    ScopeMissing: true,
    EventsUnavailable: true,
    LimitsUnavailable: true,
    StoreUnavailable: true,
  },
});
