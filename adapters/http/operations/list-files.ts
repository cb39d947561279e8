import * as DateTime from "effect/DateTime";
import * as Record from "effect/Record";
import * as Schema from "effect/Schema";
import { listFiles, MOST_FILES } from "../../../application/files/list-files.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { PictureWidth } from "../../../domain/picture.ts";
import { FOLDER, StorageKey } from "../../../domain/storage-key.ts";
import { fileAddress } from "../addresses.ts";
import { FILES, operation } from "./operation.ts";
import { WIDTH, widthIn } from "./open-file.ts";
import { presentPublic } from "./public-file.ts";
import { confirmed, GET_URL, instant, names, publicUrl, url } from "./schemas.ts";

const AFTER = /^[!-~]{1,1024}$/;
const matching = (pattern: RegExp, message: string) =>
  Schema.optionalKey(Schema.String.check(Schema.isPattern(pattern, { message })));

const TEXTS = {
  prefix:
    "A year or a month, such as 2026/11, or the folders of another `key`, such as avatars; all files if left out.",
  after: "The `next` of the page before.",
  limit: "The most files of a page; 1000 if left out, and at most 100 with `details` or `width`.",
  mine: "Lists the caller's own folder, which the `key` of a policy makes by `{subject}`. `prefix` is then left out, or the folders before it.",
  details:
    "Adds `filename` and `path` to files that the service copied from `incoming/`. It asks the store for each of them.",
  width:
    "Adds `imageUrl` to pictures whose policy names this width, in pixels. Needs the scope `read` too.",
};

const BOOLEAN = "it is neither true nor false";
const LIMIT = `it is not a whole number from 1 to ${MOST_FILES}`;
const flagNamed = (name: "mine" | "details") => ({
  name,
  in: "query",
  description: TEXTS[name],
  schema: { type: "boolean" },
});
const optionalFlag = (name: "mine" | "details") =>
  Schema.optionalKey(Schema.Boolean.annotate({ message: BOOLEAN, description: TEXTS[name] }));

export const listFilesOperation = operation({
  action: "list",
  methods: ["GET"],
  path: FILES,
  scope: "list",
  own: "mine",
  text: {
    operationId: "listFiles",
    summary: "List files",
    description:
      "By their keys, straight from the store: up to `limit` of them, and `next` if there may be more. Uploads that wait are not among them.",
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
      {
        name: "limit",
        in: "query",
        description: TEXTS.limit,
        schema: { type: "integer", minimum: 1, maximum: MOST_FILES },
      },
      flagNamed("mine"),
      flagNamed("details"),
      { ...WIDTH, description: TEXTS.width },
    ],
    answers: "A page of files.",
  },
  query: (c) =>
    Record.map(Object.fromEntries(new URL(c.req.url).searchParams), (text, name) => {
      if (name === "limit" && /^\d{1,4}$/.test(text)) return Number(text);
      if (name === "width") return widthIn(c);
      return (name === "mine" || name === "details") && /^(?:true|false)$/.test(text)
        ? text === "true"
        : text;
    }),
  input: Schema.Struct({
    prefix: matching(
      FOLDER,
      "it is neither a month, such as 2026/11, nor folders, such as avatars",
    ),
    after: matching(AFTER, "it is not the `next` of a page"),
    limit: Schema.optionalKey(
      Schema.Int.annotate({ message: LIMIT, description: TEXTS.limit }).check(
        Schema.isBetween({ minimum: 1, maximum: MOST_FILES }, { message: LIMIT }),
      ),
    ),
    mine: optionalFlag("mine"),
    details: optionalFlag("details"),
    width: Schema.optionalKey(PictureWidth.annotate({ description: TEXTS.width })),
  }),
  run: ({ member }, input) => listFiles({ member, ...input }),
  output: Schema.Struct({
    files: Schema.Array(
      Schema.Struct({
        key: StorageKey,
        size: Schema.Natural.annotate({ description: "Bytes." }),
        contentType: MediaType.annotate({ description: "As it is served, by its extension." }),
        filename: Schema.optionalKey(names.filename),
        path: names.path,
        storedAt: instant("When it was stored, as the store says.", "2026-11-24T12:00:00.000Z"),
        fileUrl: confirmed.fileUrl,
        imageUrl: Schema.optionalKey(
          url("Shows the picture to everyone who has it, until it expires.", GET_URL),
        ),
        publicUrl,
      }).annotate({ identifier: "StoredFile" }),
    ),
    next: Schema.optionalKey(Schema.String.annotate({ description: "Asks for the next page." })),
  }).annotate({ identifier: "FileList", description: "A page of an organization's files." }),
  present: ({ files, next }, asking) => ({
    files: files.map(({ storedAt, ...file }) => ({
      ...file,
      storedAt: DateTime.toDate(storedAt),
      fileUrl: fileAddress(asking.publicUrl, asking.member.slug, file),
      ...presentPublic(file.key, asking),
    })),
    ...(next !== undefined && { next }),
  }),
  refusals: {
    ScopeMissing: true,
    NoOwnFolder: true,
    StoreUnavailable: true,
    CredentialsUnavailable: true,
  },
});
