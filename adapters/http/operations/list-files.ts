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
import { confirmed, folders, GET_URL, instant, names, publicUrl, url } from "./schemas.ts";

const AFTER = /^[!-~]{1,1024}$/;

const BOOLEAN = { type: "boolean" };
const QUERY = {
  prefix: {
    description:
      "A year or a month, such as 2026/11, or the folders of another `key`, such as avatars; all files if left out.",
    schema: { type: "string", pattern: FOLDER.source },
  },
  after: {
    description: "The `next` of the page before.",
    schema: { type: "string", pattern: AFTER.source },
  },
  limit: {
    description:
      "The most files of a page; 1000 if left out, and at most 100 with `details` or `width`.",
    schema: { type: "integer", minimum: 1, maximum: MOST_FILES },
  },
  mine: {
    description:
      "Lists the caller's own folder, which the `key` of a policy makes by `{subject}`. `prefix` is then left out, or the folders before it.",
    schema: BOOLEAN,
  },
  details: {
    description:
      "Adds `filename` and `path` to files that the service copied from `incoming/`. It asks the store for each of them.",
    schema: BOOLEAN,
  },
  width: {
    description:
      "Adds `imageUrl` to pictures whose policy names this width, in pixels. Needs the scope `read` too, or `mine` for the caller's own folder.",
    schema: WIDTH.schema,
  },
};
const LIMIT = `it is not a whole number from 1 to ${MOST_FILES}`;
const flagOf = ({ description }: { readonly description: string }) =>
  Schema.optionalKey(
    Schema.Boolean.annotate({ message: "it is neither true nor false", description }),
  );

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
    parameters: Object.entries(QUERY).map(([name, each]) => ({ name, in: "query", ...each })),
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
    prefix: folders(QUERY.prefix.description),
    after: Schema.optionalKey(
      Schema.String.check(Schema.isPattern(AFTER, { message: "it is not the `next` of a page" })),
    ),
    limit: Schema.optionalKey(
      Schema.Int.annotate({ message: LIMIT, description: QUERY.limit.description }).check(
        Schema.isBetween({ minimum: 1, maximum: MOST_FILES }, { message: LIMIT }),
      ),
    ),
    mine: flagOf(QUERY.mine),
    details: flagOf(QUERY.details),
    width: Schema.optionalKey(PictureWidth.annotate({ description: QUERY.width.description })),
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
