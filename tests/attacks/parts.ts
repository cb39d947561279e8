import {
  type Attack,
  bearer,
  good,
  hostOf,
  JSON_TYPE,
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
  [
    "its own key",
    "/complete",
    '"parts":[{"part_number":1,"etag":"a"}],"key":"orgs/globex"',
    invalid,
  ],
];

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
  ...VALUES.map(([input, step, members, outcome]): Attack => ({
    input,
    to: "dev",
    request: (site) =>
      ask(site, { method: "POST", path: `${MULTIPART}${step}`, body: `{"upload":"a",${members}}` }),
    outcome,
  })),
  ...["?upload=", "?upload=%00", "?upload=a&upload=b", "?upload[]=a", ""].map((query): Attack => ({
    input: `the list of the upload ${query || "that is not named"}`,
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
