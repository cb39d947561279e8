import {
  type Attack,
  bearer,
  good,
  hostOf,
  JSON_TYPE,
  notFound,
  type Outcome,
  PRESIGN,
  presign,
  refused,
  type Site,
  wire,
} from "./attack.ts";
import { exchange } from "./raw-request.ts";

const MULTIPART = PRESIGN.replace("presign", "multipart");
const noUpload = refused(400, "INVALID_UPLOAD");
const invalid = refused(400, "INVALID_REQUEST");

/** The upload that somebody started with a token of the issuer for this organization. */
async function startedBy(
  { jwt, issuer }: Site,
  claims: Readonly<Record<string, unknown>>,
  slug = "acme",
): Promise<string> {
  const request = wire({
    line: `POST ${MULTIPART.replace("acme", slug)} HTTP/1.1`,
    host: hostOf(jwt),
    headers: [bearer(await issuer.sign(claims)), JSON_TYPE],
    body: JSON.stringify(good),
  });
  return JSON.parse((await exchange(jwt.address, request)).body).upload;
}

/** The upload that somebody started in development. */
const started = async ({ dev }: Site): Promise<string> =>
  JSON.parse((await exchange(dev.address, presign(dev, good, { path: MULTIPART }))).body).upload;

/** Uploads of others, to somebody who belongs to acme. */
const OF_OTHERS: typeof UPLOADS = [
  ["the upload of a colleague", (site) => startedBy(site, { sub: "user-2" })],
  [
    "the upload of another organization",
    (site) => startedBy(site, { organizations: ["globex"] }, "globex"),
  ],
];

/** Tokens in the place of an upload that was started. */
const UPLOADS: ReadonlyArray<readonly [input: string, upload: (site: Site) => Promise<unknown>]> = [
  [
    "the receipt of a single upload",
    async ({ dev }) => JSON.parse((await exchange(dev.address, presign(dev))).body).receipt,
  ],
  ["the store's own name of an upload", async () => "dXBsb2Fk"],
  ["a seal of zeros", async () => `v1.k1.e30.${"A".repeat(43)}`],
  ["a path", async () => "../../etc/passwd"],
  ["a number", async () => 5],
  ["a list", async () => []],
  ["15,000 letters", async () => "a".repeat(15_000)],
];

const steps = (upload: unknown) =>
  [
    ["POST", "/parts", { upload, part_numbers: [1] }],
    ["POST", "/complete", { upload, parts: [{ part_number: 1, etag: "a" }] }],
    ["DELETE", "", { upload }],
  ] as const;

const named = (count: number) =>
  JSON.stringify(Array.from({ length: count }, (_, i) => ({ part_number: i + 1, etag: "a" })));
const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

/** Numbers and ETags as they stand in the body, and what is wrong with them before the upload is. */
const VALUES: ReadonlyArray<readonly [input: string, step: string, members: string, Outcome]> = [
  ["part 0", "/parts", '"part_numbers":[0]', invalid],
  ["part 10,001", "/parts", '"part_numbers":[10001]', invalid],
  ["part -1", "/parts", '"part_numbers":[-1]', invalid],
  ["half a part", "/parts", '"part_numbers":[1.5]', invalid],
  ["a part in quotes", "/parts", '"part_numbers":["1"]', invalid],
  ["the same part twice", "/parts", '"part_numbers":[1,1]', invalid],
  ["no part", "/parts", '"part_numbers":[]', invalid],
  ["an object for a list", "/parts", '"part_numbers":{"length":1,"0":1}', invalid],
  ["5,000 parts", "/parts", `"part_numbers":[${"1,".repeat(4999)}1]`, invalid],
  [
    "a part completed twice",
    "/complete",
    '"parts":[{"part_number":1,"etag":"a"},{"part_number":1,"etag":"b"}]',
    invalid,
  ],
  [
    "an ETag over two lines",
    "/complete",
    '"parts":[{"part_number":1,"etag":"a\\r\\nX: y"}]',
    invalid,
  ],
  [
    "an ETag that is markup",
    "/complete",
    '"parts":[{"part_number":1,"etag":"</ETag><x a=\\"b\\">"}]',
    invalid,
  ],
  [
    "an ETag of 10 kB",
    "/complete",
    `"parts":[{"part_number":1,"etag":"${"a".repeat(10_000)}"}]`,
    invalid,
  ],
  ["10,000 parts", "/complete", `"parts":${named(10_000)}`, noUpload],
  ["10,001 parts", "/complete", `"parts":${named(10_001)}`, invalid],
  ["30,000 parts", "/complete", `"parts":${named(30_000)}`, invalid],
  ["300,000 empty objects", "/complete", `"parts":[${"{},".repeat(299_999)}{}]`, invalid],
  ["500,000 zeros", "/complete", `"parts":[${"0,".repeat(499_999)}0]`, invalid],
  ["500,000 levels of lists", "/complete", `"parts":${nested(500_000)}`, invalid],
  [
    "an ETag of 1 MB",
    "/complete",
    `"parts":[{"part_number":1,"etag":"${"a".repeat(1e6)}"}]`,
    invalid,
  ],
  ["an ETag with quotes", "/complete", '"parts":[{"part_number":1,"etag":"\\"a\\""}]', noUpload],
  ["an ETag without quotes", "/complete", '"parts":[{"part_number":1,"etag":"a"}]', noUpload],
  [
    "more than 1 MiB",
    "/complete",
    `"parts":${named(1)}${" ".repeat(2 ** 20)}`,
    refused(413, "BODY_TOO_LARGE"),
  ],
  [
    "its own key",
    "/complete",
    '"parts":[{"part_number":1,"etag":"a"}],"key":"orgs/globex"',
    invalid,
  ],
];

const shown = (query: string) =>
  query === "" ? "that is not named" : query.length > 100 ? "of 15,000 letters" : query;

const ask = (
  { dev }: Site,
  { method, path, body }: { method: string; path: string; body: string },
) =>
  wire({
    line: `${method} ${path} HTTP/1.1`,
    host: hostOf(dev),
    headers: [bearer(dev.token), JSON_TYPE],
    body,
  });

export const parts: ReadonlyArray<Attack> = [
  ...UPLOADS.flatMap(([input, upload]) =>
    steps("").map(([method, step], index): Attack => ({
      input: `${input}, to ${method} ${step || "/"}`,
      to: "dev",
      request: async (site) => {
        const body = JSON.stringify(steps(await upload(site))[index]?.[2]);
        return ask(site, { method, path: `${MULTIPART}${step}`, body });
      },
      outcome: noUpload,
    })),
  ),
  ...OF_OTHERS.flatMap(([input, upload]) =>
    steps("").map(([method, step], index): Attack => ({
      input: `${input}, to ${method} ${step || "/"}`,
      to: "jwt",
      request: async (site) =>
        wire({
          line: `${method} ${MULTIPART}${step} HTTP/1.1`,
          host: hostOf(site.jwt),
          headers: [bearer(await site.issuer.sign()), JSON_TYPE],
          body: JSON.stringify(steps(await upload(site))[index]?.[2]),
        }),
      outcome: notFound,
    })),
  ),
  {
    input: "1,000,000 letters for an upload, to POST /complete",
    to: "dev",
    request: (site) =>
      ask(site, {
        method: "POST",
        path: `${MULTIPART}/complete`,
        body: JSON.stringify(steps("a".repeat(1e6))[1][2]),
      }),
    outcome: noUpload,
  },
  ...VALUES.map(([input, step, members, outcome]): Attack => ({
    input,
    to: "dev",
    request: async (site) => {
      // The upload is looked at before its parts.
      const upload = outcome === noUpload ? "a" : await started(site);
      const body = `{"upload":"${upload}",${members}}`;
      return ask(site, { method: "POST", path: `${MULTIPART}${step}`, body });
    },
    outcome,
  })),
  ...[
    "?upload=",
    "?upload=%00",
    "?upload=a&upload=b",
    "?upload[]=a",
    "",
    `?upload=${"a".repeat(15_000)}`,
  ].map((query): Attack => ({
    input: `the list of the upload ${shown(query)}`,
    to: "dev",
    request: ({ dev }) =>
      wire({
        line: `GET ${MULTIPART}/parts${query} HTTP/1.1`,
        host: hostOf(dev),
        headers: [bearer(dev.token)],
        framing: [],
      }),
    outcome: noUpload,
  })),
  ...["key", "upload", "part_size", "expires_in", "acl", "strict"].map((member): Attack => ({
    input: `a start that names its own ${member}`,
    to: "dev",
    request: (site) =>
      ask(site, {
        method: "POST",
        path: MULTIPART,
        body: JSON.stringify({ ...good, [member]: "globex" }),
      }),
    outcome: invalid,
  })),
];
