import * as Clock from "effect/Clock";
import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import type { Member } from "../../../application/admit.ts";
import { openFile } from "../../../application/files/open-file.ts";
import type { Shown } from "../../../application/files/show-file.ts";
import { keyIn } from "../../../domain/storage-key.ts";
import { memberAt } from "../../values/decode.ts";
import { asksForJson, JSON_HEADERS, keptByBrowser, redirect } from "../answer.ts";
import type { HttpContext } from "../env.ts";
import { FILES, operation, type Text } from "./operation.ts";
import { flag, GET_URL, instant, url } from "./schemas.ts";

/** A redirect to the store, and the store's answer. */
export const REDIRECT = {
  200: { description: "The file, for a client that follows redirects by itself.", isOfStore: true },
  302: {
    description: "A signed GET of the store, which shows or saves the file.",
    headers: {
      Location: {
        required: true,
        description: "The signed GET.",
        schema: { type: "string", format: "uri" },
      },
      "Cache-Control": {
        required: true,
        description: "How long the answer may be kept. The answer to a link may not be kept.",
        schema: { type: "string", pattern: "^(?:no-store|private, max-age=[1-9][0-9]*)$" },
      },
      "Referrer-Policy": { required: true, schema: { type: "string", const: "no-referrer" } },
    },
  },
} satisfies Text["answers"];

const VERSION = "The version of the file, as its confirmation named it; the newest if left out.";

/** The width in an address. */
export const WIDTH = {
  name: "width",
  in: "query",
  description:
    "Opens a picture in this width, in pixels: one of `images` of its policy. Other files, all without an image server, and what is saved are the file itself.",
  schema: { type: "integer", minimum: 16, maximum: 4096, examples: [320] },
};

/** Returns the width in an address, if any; 0 for text that is no width. */
export function widthIn(c: HttpContext): number | undefined {
  const text = new URL(c.req.url).searchParams.get("width");
  return text === null ? undefined : /^[1-9]\d{1,3}$/.test(text) ? Number(text) : 0;
}

/** Whether browsers save the file. */
const DOWNLOAD = {
  name: "download",
  in: "query",
  description: "If it is there, with any value, the file is saved and not shown.",
  allowEmptyValue: true,
  schema: { type: "string", examples: [""] },
};

/** The parameters of an address that say how a file is opened, and what they say. */
export const SHOWN = [DOWNLOAD, WIDTH];
export const shownAs = (c: HttpContext): Shown => ({
  width: widthIn(c),
  download: new URL(c.req.url).searchParams.has("download"),
});

/** Returns the key of the file that an address names. */
export function addressedKey(c: HttpContext, { organization }: Member): string {
  const { year, month, name, path } = c.req.param() as Readonly<Record<string, string>>;
  return keyIn(organization, path ?? [year, month, name].filter(Boolean).join("/"));
}

/** Throws for a value such as a database row without a file: a fault of the host. */
export function assertKey(input: unknown): void {
  if (typeof memberAt(input, ["key"]) !== "string") throw new TypeError("key must be a string");
}

/** Returns the seconds for which a redirect to a GET may be kept: it stays the same until then. */
export const secondsToKeep = ({ get, window }: Effect.Success<ReturnType<typeof openFile>>) =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const length = Duration.toMillis(window);
    // A URL stops working before its window ends if the credentials that signed it expire.
    const left = Math.min(
      length === 0 ? 0 : length - (now % length),
      DateTime.toEpochMillis(get.expiresAt) - now,
    );
    return Math.max(0, Math.floor(left / 1000));
  });

// Without HEAD, which a store refuses for a URL signed for GET.
export const openFileOperation = operation({
  action: "open",
  methods: ["GET"],
  path: `${FILES}/:year/:month/:name`,
  // For keys of other policies. No operation has a dot in its path.
  deepPaths: [`${FILES}/:path{[a-z].*\\.[a-z0-9_-]+}`],
  scope: "read",
  own: "mine",
  text: {
    operationId: "openFile",
    summary: "Open a file",
    description:
      "At its `fileUrl`, which has other folders where its policy has a `key`. A call signs without asking the store whether the file is there. The signed URL is a secret until it expires.",
    parameters: [
      DOWNLOAD,
      {
        name: "version",
        in: "query",
        description: VERSION,
        schema: { type: "string", pattern: "^[!-~]{1,1024}$" },
      },
      WIDTH,
    ],
    answers: {
      ...REDIRECT,
      200: {
        description:
          "The file, for a client that follows redirects by itself; JSON for a request that accepts `application/json` and not `*/*`.",
        isOfStore: true,
      },
    },
  },
  query: (c, member) => {
    const version = new URL(c.req.url).searchParams.get("version");
    const { width, download } = shownAs(c);
    return {
      key: addressedKey(c, member),
      download,
      ...(version !== null && { version }),
      ...(width !== undefined && { width }),
    };
  },
  input: Schema.Struct({
    key: Schema.String.annotate({ description: "As its upload, or the list, has it." }),
    download: Schema.optionalKey(
      flag("Whether browsers save the file rather than show it, whatever its type."),
    ),
    version: Schema.optionalKey(Schema.String.annotate({ description: VERSION })),
    width: Schema.optionalKey(Schema.Int.annotate({ description: WIDTH.description })),
  }),
  assertCall: assertKey,
  run: ({ member, headers }, file) =>
    Effect.flatMap(openFile({ member, ...file, isLookedFor: headers !== undefined }), (opened) =>
      Effect.map(secondsToKeep(opened), (maxAge) => ({ get: opened.get, maxAge })),
    ),
  output: Schema.Struct({
    url: url("Shows or saves the file.", GET_URL),
    expiresAt: instant("When `url` stops working.", "2026-11-25T12:00:00.000Z"),
  }).annotate({ identifier: "OpenedFile", description: "A URL of a file." }),
  present: ({ get }) => ({ url: get.url, expiresAt: DateTime.toDate(get.expiresAt) }),
  respond: (opened, { headers }) =>
    asksForJson(headers) ? undefined : redirect(opened.get.url, keptWith(opened)),
  headers: (opened) => ({ ...JSON_HEADERS, ...keptWith(opened) }),
  refusals: {
    OrganizationNotFound: true,
    ScopeMissing: true,
    WidthNotAllowed: true,
    CredentialsUnavailable: true,
  },
});

const keptWith = ({ maxAge }: { readonly maxAge: number }) => {
  const headers = keptByBrowser(maxAge);
  return { ...headers, Vary: `${headers.Vary}, Accept` };
};
