import * as Schema from "effect/Schema";
import mediaTypes from "mime-db";

/**
 * The media type of a file, exactly as the client wrote it: `type/subtype` with optional `charset`
 * and `codecs` parameters, 3 to 255 bytes of ASCII. It is kept and signed verbatim, so the client
 * has to send the same bytes as its `Content-Type`.
 *
 * Grammar: RFC 9110, section 8.3.1, with three more limits: no other parameters; commas only inside
 * `codecs`, since elsewhere a comma looks like two joined header values; and single spaces only,
 * since signers collapse tabs and runs of spaces.
 */
export const MediaType = Schema.String.check(
  Schema.makeFilter<string>(findProblem, {
    identifier: "MediaType",
    description:
      "A media type (RFC 9110, section 8.3.1) with `charset` and `codecs` as its only parameters, each once, a comma inside `codecs` alone, and no tab and no two spaces in a row. It is kept and signed as it is written.",
    examples: ["image/png", "text/plain; charset=utf-8"],
    toJsonSchema: () => ({ maxLength: MAX_BYTES, pattern: pattern() }),
  }),
).pipe(Schema.brand("MediaType"));
export type MediaType = typeof MediaType.Type;

/** Returns the `type/subtype` of a media type in lower case, without parameters. */
export function essence(contentType: MediaType): string {
  const end = contentType.search(/[; ]/);
  return (end === -1 ? contentType : contentType.slice(0, end)).toLowerCase();
}

/**
 * Returns true if a browser that opens such a file might run it with the rights of the page's
 * origin, or sniffs the bytes instead of the type (WHATWG MIME Sniffing, section 7).
 */
export function isExecutable(contentType: MediaType): boolean {
  const type = essence(contentType);
  return EXECUTABLE.has(type) || JAVASCRIPT.test(type) || /^multipart\/|\+xml$/.test(type);
}

/** Returns the extensions without a dot, the usual one first; empty if the type is unknown. */
export function usualExtensions(contentType: MediaType): ReadonlyArray<string> {
  const type = essence(contentType);
  return (Object.hasOwn(mediaTypes, type) ? mediaTypes[type]?.extensions : undefined) ?? [];
}

export const TYPES_WITH_EXTENSION: ReadonlyArray<MediaType> = Object.keys(mediaTypes)
  .map((type) => type as MediaType)
  .filter((type) => usualExtensions(type).length > 0);

const EXECUTABLE: ReadonlySet<string> = new Set([
  "text/html",
  "text/xml",
  "text/xsl",
  // Firefox reads it as XML, in which XHTML runs.
  "text/rdf",
  "application/xml",
  "application/pdf",
  "text/pdf",
  "message/rfc822",
  "application/x-mimearchive",
  "application/x-shockwave-flash",
  "application/unknown",
  "unknown/unknown",
]);

/** Every essence that browsers accept as JavaScript: WHATWG MIME Sniffing, section 4.6. */
const JAVASCRIPT =
  /^(?:(?:application|text)\/(?:x-)?(?:ecma|java)script|text\/(?:javascript1\.[0-5]|jscript|livescript))$/;

const MAX_BYTES = 255;
const PARAMETERS: ReadonlySet<string> = new Set(["charset", "codecs"]);

const CHARACTER = "[!#$%&'*+.^_`|~0-9A-Za-z-]";
const TOKEN = `${CHARACTER}+`;
const QUOTED = '"(?: ?(?:[!#-\\[\\]-~]|\\\\[!-~]))* ?"';
const QUOTED_WITHOUT_COMMA = '"(?: ?(?:[!#-+\\--\\[\\]-~]|\\\\[!-+\\--~]))* ?"';
const TYPE = new RegExp(`^(${TOKEN})/(${TOKEN})`);
const PARAMETER = new RegExp(` ?; ?(?:(${TOKEN})=(${TOKEN}|${QUOTED}))?`, "y");

/** Writes the same grammar as one regular expression, for JSON Schema. */
function pattern(): string {
  const name = `(?:${CHARACTER.replace("*", "")}${CHARACTER}*|\\*${TOKEN})`;
  const charset = `[Cc][Hh][Aa][Rr][Ss][Ee][Tt]=(?:${TOKEN}|${QUOTED_WITHOUT_COMMA})`;
  const codecs = `[Cc][Oo][Dd][Ee][Cc][Ss]=(?:${TOKEN}|${QUOTED})`;
  const next = "(?: ?;)+ ?";
  const both = (one: string, other: string) => `${next}${one}(?:${next}${other})?`;
  return `^${name}/${name}(?:${both(charset, codecs)}|${both(codecs, charset)})?(?: ?;)*$`;
}

function findProblem(value: string): string | undefined {
  if (value.length > MAX_BYTES) {
    return `Cannot parse media type: it is longer than ${MAX_BYTES} bytes`;
  }
  if (/\t| {2}/.test(value)) {
    return "Cannot parse media type: it has a tab or two spaces in a row; use one space";
  }
  if (value.endsWith(" ")) return "Cannot parse media type: it ends in white space";
  const type = TYPE.exec(value);
  if (type === null) return "Cannot parse media type: it is not of the form type/subtype";
  if (type[1] === "*" || type[2] === "*") {
    return "Cannot parse media type: a wildcard is a range of types, not a type";
  }
  const seen = new Set<string>();
  PARAMETER.lastIndex = type[0].length;
  while (PARAMETER.lastIndex < value.length) {
    const parameter = PARAMETER.exec(value);
    if (parameter === null)
      return "Cannot parse media type: a parameter is not of the form name=value";
    const [, rawName, text = ""] = parameter;
    if (rawName === undefined) continue;
    const name = rawName.toLowerCase();
    if (!PARAMETERS.has(name)) {
      return "Cannot parse media type: only the parameters charset and codecs are accepted";
    }
    if (seen.has(name)) return `Cannot parse media type: the parameter ${name} is given twice`;
    if (name !== "codecs" && text.includes(",")) {
      return "Cannot parse media type: a comma is accepted inside codecs only";
    }
    seen.add(name);
  }
  return undefined;
}

/** Returns the media type of an extension without its dot. */
export const mediaTypeByExtension = (extension: string): MediaType =>
  BY_EXTENSION.get(extension) ?? UNKNOWN_TYPE;

export const UNKNOWN_TYPE = MediaType.make("application/octet-stream");

/** Of several types with one extension, the one that it usually means; registered ones first. */
const BY_EXTENSION: ReadonlyMap<string, MediaType> = new Map(
  Object.entries(mediaTypes)
    .flatMap(([type, { extensions = [], source }]) =>
      extensions.map((extension, index) => ({
        extension,
        type: type as MediaType,
        rank: index * 2 + (source === "iana" ? 0 : 1),
      })),
    )
    // A map keeps the last of several entries.
    .toSorted((a, b) => b.rank - a.rank)
    .map(({ extension, type }) => [extension, type]),
);
