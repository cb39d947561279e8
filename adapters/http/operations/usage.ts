import * as Schema from "effect/Schema";
import { readUsage } from "../../../application/files/read-usage.ts";
import { percentOf } from "../../../domain/usage-threshold.ts";
import { USAGE } from "../addresses.ts";
import { operation } from "./operation.ts";
import { flag, instant } from "./schemas.ts";

const MINE = "Asks for the caller's own folder, which the `key` of a policy makes by `{subject}`.";
const bytes = (description: string) => Schema.Natural.annotate({ description });

export const usageOperation = operation({
  action: "usage",
  methods: ["GET"],
  path: USAGE,
  scope: "read",
  own: "mine",
  text: {
    operationId: "usage",
    summary: "Tell how much is stored",
    description: "By the count of the service, which knows of each confirmed and removed file.",
    parameters: [{ name: "mine", in: "query", description: MINE, schema: { type: "boolean" } }],
    answers: "What is stored.",
  },
  query: (c) => {
    const { mine, ...others } = Object.fromEntries(new URL(c.req.url).searchParams);
    const isFlag = mine === "true" || mine === "false";
    return { ...others, ...(mine !== undefined && { mine: isFlag ? mine === "true" : mine }) };
  },
  input: Schema.Struct({
    mine: Schema.optionalKey(flag(MINE).annotate({ message: "it is neither true nor false" })),
  }),
  run: ({ member }, input) => readUsage(member, input),
  output: Schema.Struct({
    files: Schema.Natural.annotate({ description: "Confirmed files." }),
    bytes: bytes("Their bytes."),
    granted: bytes("Bytes of uploads that may still be confirmed; the limit counts them too."),
    open: Schema.Natural.annotate({ description: "Uploads whose URLs have not ended." }),
    limit: Schema.optionalKey(bytes("The most bytes. Left out if there is no limit.")),
    percent: Schema.optionalKey(
      Schema.Natural.annotate({ description: "`bytes` of `limit`, rounded down." }),
    ),
    known: flag("False until the store was counted: then there may be more than this."),
    since: Schema.optionalKey(
      instant("When the store was last counted.", "2026-11-24T12:00:00.000Z"),
    ),
  }).annotate({ identifier: "Usage", description: "What is stored." }),
  present: ({ files, bytes, granted, open, limit, isKnown, since }) => ({
    files,
    bytes,
    granted,
    open,
    ...(limit !== undefined && { limit, percent: percentOf(bytes, limit) }),
    known: isKnown,
    ...(since !== undefined && { since: new Date(since) }),
  }),
  refusals: {
    ScopeMissing: true,
    NoOwnFolder: true,
    UsageNotCounted: true,
    LimitsUnavailable: true,
  },
});
