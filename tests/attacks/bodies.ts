import {
  answered,
  type Attack,
  bearer,
  good,
  granted,
  hostOf,
  JSON_TYPE,
  type Outcome,
  presign,
  PRESIGN,
  refused,
  wire,
} from "./attack.ts";

const invalid = refused(400, "INVALID_REQUEST");
const text = JSON.stringify(good);
const noJson = refused(415, "UNSUPPORTED_MEDIA_TYPE");

/** The good body with more members, as they stand in it. */
const and = (members: string) => `${text.slice(0, -1)},${members}}`;

/** An object with so many unknown members. */
const unknown = (members: number) =>
  `{${Array.from({ length: members }, (_, i) => `"m${i}":1`).join(",")}}`;

const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

const BODIES: ReadonlyArray<readonly [input: string, body: Uint8Array | string, outcome: Outcome]> =
  [
    ["nothing", "", invalid],
    ["nothing but white space", " \r\n\t", invalid],
    ["null", "null", invalid],
    ["a list", `[${text}]`, invalid],
    ["a number", "5", invalid],
    ["JSON in a JSON string", JSON.stringify(text), invalid],
    ["JSON that breaks off", text.slice(0, -1), invalid],
    ["JSON twice", text + text, invalid],
    ["a comment", `${text}// good`, invalid],
    ["a comma too many", and("").replace("}", ""), invalid],
    ["single quotes", text.replaceAll('"', "'"), invalid],
    ["a prefix that keeps pages from running JSON as a script", `)]}'\n${text}`, invalid],
    ["UTF-16", Buffer.from(text, "utf16le"), invalid],
    [
      "a byte that is not UTF-8",
      Buffer.from(text.replace("a.png", "\u00ff.png"), "latin1"),
      invalid,
    ],
    [
      "a slash in overlong UTF-8",
      Buffer.from(text.replace("a.png", "\u00c0\u00af.png"), "latin1"),
      invalid,
    ],
    [
      "half of a surrogate pair in UTF-8",
      Buffer.from(text.replace("a.png", "\u00ed\u00a0\u0080.png"), "latin1"),
      invalid,
    ],
    ["a NUL between members", text.replace(",", ",\u0000"), invalid],
    ["a byte order mark, which is ignored", `\ufeff${text}`, granted()],
    ["two byte order marks", `\ufeff\ufeff${text}`, invalid],
    [
      "a member twice, of which the last counts",
      and('"filename":"b.png"'),
      granted({ name: "b.png" }),
    ],
    [
      "a size twice, of which the last counts",
      and('"size":99999999'),
      refused(413, "FILE_TOO_LARGE"),
    ],
    ["a member that would change all objects", and('"__proto__":{"size":1}'), invalid],
    [
      "a member constructor, which all objects have",
      and('"constructor":{"prototype":{"size":1}}'),
      invalid,
    ],
    ["a member in capitals", text.replace("size", "SIZE"), invalid],
    ["a member's name with NUL behind it", text.replace("size", "size\\u0000"), invalid],
    ["a line end in a member's name", and('"a\\r\\nSet-Cookie: a=b":1'), invalid],
    ["16 kB of a member's name", `{"${"k".repeat(16_000)}":1}`, invalid],
    ["1,500 unknown members", unknown(1500), invalid],
    ["8,000 levels of lists", nested(8000), invalid],
    ["2,700 levels of objects", `${'{"a":'.repeat(2700)}1${"}".repeat(2700)}`, invalid],
    ["16,384 lists that are not closed", "[".repeat(16_384), invalid],
    [
      "8,000 levels for a file name",
      text.replace('"a.png"', nested(8000)),
      refused(400, "INVALID_FILE_NAME"),
    ],
    ["100,000 levels", nested(100_000), refused(413, "BODY_TOO_LARGE")],
    [
      "16 KiB and a byte, more than is read",
      " ".repeat(16 * 1024 + 1 - text.length) + text,
      refused(413, "BODY_TOO_LARGE"),
    ],
    ["16 KiB, as much as is read", " ".repeat(16 * 1024 - text.length) + text, granted()],
    [
      "a policy __proto__, which all objects have",
      and('"policy":"__proto__"'),
      refused(400, "UNKNOWN_POLICY"),
    ],
    ["a policy that is a path", and('"policy":"../files"'), refused(400, "UNKNOWN_POLICY")],
    ["a policy that is a list", and('"policy":["files"]'), invalid],
    ["strict as a word", and('"strict":"yes"'), invalid],
    [
      "a checksum algorithm __proto__, which all objects have",
      and('"checksum":{"algorithm":"__proto__","value":"AAAA"}'),
      refused(400, "INVALID_CHECKSUM"),
    ],
    [
      "a checksum with a line end",
      and('"checksum":{"algorithm":"md5","value":"AAAA\\r\\nx: y"}'),
      refused(400, "INVALID_CHECKSUM"),
    ],
    [
      "a checksum that is too short",
      and('"checksum":{"algorithm":"sha256","value":"AAAA"}'),
      refused(400, "INVALID_CHECKSUM"),
    ],
    ["metadata with a line end", and('"metadata":{"a":"x\\r\\nSet-Cookie: a=b"}'), invalid],
    ["metadata with NUL", and('"metadata":{"a":"\\u0000"}'), invalid],
    ["metadata with half of a surrogate pair", and('"metadata":{"a":"\\ud800"}'), invalid],
    ["metadata named __proto__", and('"metadata":{"__proto__":"x"}'), invalid],
    ["metadata that is an object", and('"metadata":{"a":{"b":"c"}}'), invalid],
    ["1,500 pairs of metadata", and(`"metadata":${unknown(1500)}`), invalid],
    ["16 kB of metadata", and(`"metadata":{"a":"${"é".repeat(8000)}"}`), invalid],
    ["a name of 16 kB in metadata", and(`"metadata":{"${"k".repeat(16_000)}":"a"}`), invalid],
    ["metadata twice, of which the last counts", and('"metadata":5,"metadata":{}'), granted()],
  ];

/** Content types of a body that is good JSON. */
const TYPES: ReadonlyArray<readonly [type: string, outcome: Outcome]> = [
  ["application/x-www-form-urlencoded", noJson],
  ["multipart/form-data; boundary=x", noJson],
  ["text/plain", noJson],
  ["text/json", noJson],
  ["application/jsonp", noJson],
  ["application/json, text/plain", noJson],
  ["application/json; charset=utf-7", noJson],
];

const BATCH = PRESIGN.replace("presign", "batch");
const batch = (files: string, more = "") => `{"files":[${files}]${more}}`;
const times = (count: number, file: string) => Array(count).fill(file).join(",");

/** Bodies of a batch. */
const BATCHES: ReadonlyArray<readonly [input: string, body: string, outcome: Outcome]> = [
  ["no file", batch(""), invalid],
  ["101 files", batch(times(101, text)), invalid],
  ["21,000 files that are empty objects", batch(times(21_000, "{}")), invalid],
  ["32,000 files that are numbers", batch(times(32_000, "0")), invalid],
  ["a bad file among good ones", batch(`${text},${text.replace("5", "0")},${text}`), invalid],
  [
    "a file too large among good ones",
    batch(`${text},${text.replace("5", "99999999")},${text}`),
    refused(413, "FILE_TOO_LARGE"),
  ],
  ["a list in the list", batch(`[${text}]`), invalid],
  ["a batch in a batch", batch(batch(text)), invalid],
  ["files with an index", `{"files":{"0":${text},"length":1}}`, invalid],
  ["files that all objects would get", `{"__proto__":{"files":[${text}]}}`, invalid],
  ["its own key for a file", batch(and('"key":"orgs/globex/files/a.png"')), invalid],
  ["another organization for all", batch(text, ',"organization":"globex"'), invalid],
  [
    "a policy that objects are born with",
    batch(text, ',"policy":"__proto__"'),
    refused(400, "UNKNOWN_POLICY"),
  ],
  ["30,000 levels of lists", batch(nested(30_000)), invalid],
  ["5,000 pairs of metadata", batch(text, `,"metadata":${unknown(5000)}`), invalid],
  ["90 files with 80 unknown members each", batch(times(90, unknown(80))), invalid],
  ["a byte more than is read", batch(text).padEnd(64 * 1024 + 1), refused(413, "BODY_TOO_LARGE")],
  ["as many bytes as are read", batch(text).padEnd(64 * 1024), answered(200)],
];

export const bodies: ReadonlyArray<Attack> = [
  ...BATCHES.map(([input, body, outcome]): Attack => ({
    input: `a batch of ${input}`,
    to: "dev",
    request: ({ dev }) => presign(dev, body, { path: BATCH }),
    outcome,
  })),
  ...BODIES.map(([input, body, outcome]): Attack => ({
    input: `a body (${input})`,
    to: "dev",
    request: ({ dev }) => presign(dev, body),
    outcome,
  })),
  ...TYPES.map(([type, outcome]): Attack => ({
    input: `a JSON body with the content type ${type}`,
    to: "dev",
    request: ({ dev }) =>
      wire({
        host: hostOf(dev),
        headers: [bearer(dev.token), `Content-Type: ${type}`],
        body: text,
      }),
    outcome,
  })),
  {
    input: "a form that a page could send without a preflight",
    to: "dev",
    request: ({ dev }) =>
      wire({
        host: hostOf(dev),
        headers: [bearer(dev.token), "Content-Type: application/x-www-form-urlencoded"],
        body: "filename=a.png&content_type=image%2Fpng&size=5",
      }),
    outcome: noJson,
  },
  {
    input: "a body with a second content type",
    to: "dev",
    request: ({ dev }) => presign(dev, good, { headers: ["Content-Type: text/html"] }),
    outcome: noJson,
  },
  {
    input: "a body with two content types that are both JSON",
    to: "dev",
    request: ({ dev }) => presign(dev, good, { headers: [JSON_TYPE] }),
    outcome: noJson,
  },
];
