import * as DateTime from "effect/DateTime";
import * as Schema from "effect/Schema";
import { listFiles } from "../../../application/files/list-files.ts";
import { FOLDER, StorageKey } from "../../../domain/storage-key.ts";
import { fileAddress } from "../addresses.ts";
import { FILES, operation } from "./operation.ts";
import { confirmed, instant } from "./schemas.ts";

const AFTER = /^[!-~]{1,1024}$/;
const matching = (pattern: RegExp, message: string) =>
  Schema.optionalKey(Schema.String.check(Schema.isPattern(pattern, { message })));

const TEXTS = {
  prefix:
    "A year or a month, such as 2026/11, or the folders of another `key`, such as avatars; all files if left out.",
  after: "The `next` of the page before.",
};

export const listFilesOperation = operation({
  action: "list",
  methods: ["GET"],
  path: FILES,
  scope: "list",
  text: {
    operationId: "listFiles",
    summary: "List files",
    description:
      "By their keys, straight from the store: up to 1000 of them, and `next` if there may be more. Uploads that wait are not among them.",
    parameters: [
      {
        name: "prefix",
        in: "query",
        description: TEXTS.prefix,
        schema: { type: "string", pattern: FOLDER.source },
      },
      {
        name: "after",
        in: "query",
        description: TEXTS.after,
        schema: { type: "string", pattern: AFTER.source },
      },
    ],
    answers: "A page of files.",
  },
  query: (c) => Object.fromEntries(new URL(c.req.url).searchParams),
  input: Schema.Struct({
    prefix: matching(
      FOLDER,
      "it is neither a month, such as 2026/11, nor folders, such as avatars",
    ),
    after: matching(AFTER, "it is not the `next` of a page"),
  }),
  run: ({ member }, input) => listFiles({ member, ...input }),
  output: Schema.Struct({
    files: Schema.Array(
      Schema.Struct({
        key: StorageKey,
        size: Schema.Natural.annotate({ description: "Bytes." }),
        storedAt: instant("When it was stored, as the store says.", "2026-11-24T12:00:00.000Z"),
        fileUrl: confirmed.fileUrl,
      }).annotate({ identifier: "StoredFile" }),
    ),
    next: Schema.optionalKey(Schema.String.annotate({ description: "Asks for the next page." })),
  }).annotate({ identifier: "FileList", description: "A page of an organization's files." }),
  present: ({ files, next }, { member, publicUrl }) => ({
    files: files.map(({ storedAt, ...file }) => ({
      ...file,
      storedAt: DateTime.toDate(storedAt),
      fileUrl: fileAddress(publicUrl, member.slug, file),
    })),
    ...(next !== undefined && { next }),
  }),
  refusals: { StoreUnavailable: true },
});
