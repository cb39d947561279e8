import {
  type Attack,
  bearer,
  good,
  hostOf,
  JSON_TYPE,
  notFound,
  type Outcome,
  presign,
  PRESIGN,
  refused,
  type Site,
  wire,
} from "./attack.ts";
import { exchange } from "./raw-request.ts";

const path = (slug: string) => `/api/v1/orgs/${slug}/files/presign`;

/** Sends JSON as somebody whom the issuer knows; a member of acme alone unless claims say so. */
async function send(
  { jwt, issuer }: Site,
  to: string,
  body: object = good,
  claims: Readonly<Record<string, unknown>> = {},
) {
  return wire({
    line: `POST ${to} HTTP/1.1`,
    host: hostOf(jwt),
    headers: [bearer(await issuer.sign(claims)), JSON_TYPE],
    body: JSON.stringify(body),
  });
}

/** What a member of an organization is given for a good request. */
async function receiptOf(site: Site, slug: string, claims: Readonly<Record<string, unknown>>) {
  const { body } = await exchange(site.jwt.address, await send(site, path(slug), good, claims));
  return JSON.parse(body).receipt as string;
}

/** Names in the address, by somebody who belongs to acme. */
const ADDRESSES: ReadonlyArray<readonly [input: string, slug: string, outcome: Outcome]> = [
  ["the organization of others", "globex", notFound],
  ["one that does not exist", "nobody", notFound],
  ["the same in capitals", "ACME", notFound],
  ["one letter in capitals", "acMe", notFound],
  ["one letter in a URL's code", "%61cme", notFound],
  ["the folder above", "..", notFound],
  ["the same in a URL's code", "%2e%2e", notFound],
  ["the same, coded twice", "%252e%252e", notFound],
  ["out of its own into another's", "acme/../globex", notFound],
  ["the same with a coded slash", "acme%2f..%2fglobex", notFound],
  ["the same with the dots coded", "acme/%2e%2e/globex", notFound],
  ["a coded slash in front", "%2facme", notFound],
  ["a coded backslash", "acme%5c..%5cglobex", notFound],
  ["NUL behind it", "acme%00", notFound],
  ["a line end behind it", "acme%0d%0aX:%20y", notFound],
  ["a space behind it", "acme%20", notFound],
  ["a dot behind it", "acme.", notFound],
  ["a parameter behind it", "acme;org=globex", notFound],
  ["a coded question mark", "acme%3fx=", notFound],
  ["two names", "acme,globex", notFound],
  ["any name", "*", notFound],
  ["no name", "", notFound],
  ["a Cyrillic letter that looks like one of ours", "%d0%b0cme", notFound],
  ["bytes that are no text", "%ff%fe", notFound],
  ["a code that breaks off", "acme%", notFound],
  ["64 letters", "a".repeat(64), notFound],
  ["a name that objects are born with", "__proto__", notFound],
  ["another such name", "constructor", notFound],
];

/** Claims that a careless reader would take for membership, at the address of globex. */
const CLAIMS: ReadonlyArray<readonly [input: string, organizations: unknown]> = [
  ["all of them", "*"],
  ["all of them, in a word of ours", "every"],
  ["the name with something behind it", ["globex-2"]],
  ["the name in capitals", ["GLOBEX"]],
  ["two names in one", ["acme globex", "acme,globex"]],
  ["a list in a list", [["globex"]]],
  ["the name as a value", { acme: "globex" }],
  ["the name with an id that is a path", { globex: { id: "../acme" } }],
  ["true", true],
  ["null", null],
];

/** Receipts that were not given for this, sent to be confirmed by user-1 at acme. */
const RECEIPTS: ReadonlyArray<
  readonly [input: string, receipt: (site: Site) => Promise<unknown>, outcome: Outcome]
> = [
  [
    "the receipt of another organization",
    (site) => receiptOf(site, "globex", { organizations: ["globex"] }),
    notFound,
  ],
  [
    "one's own receipt of another organization",
    (site) => receiptOf(site, "globex", { organizations: ["acme", "globex"] }),
    notFound,
  ],
  ["a colleague's receipt", (site) => receiptOf(site, "acme", { sub: "user-2" }), notFound],
  [
    "a receipt of another service",
    async ({ dev }) => JSON.parse((await exchange(dev.address, presign(dev))).body).receipt,
    refused(400, "INVALID_RECEIPT"),
  ],
  [
    "a receipt whose content was changed",
    async (site) => {
      const [version, key, content = "", seal] = (await receiptOf(site, "acme", {})).split(".");
      return [version, key, content.replace(/.$/, (end) => (end === "A" ? "B" : "A")), seal].join(
        ".",
      );
    },
    refused(400, "INVALID_RECEIPT"),
  ],
  [
    "a receipt with another last letter, which can stand for the same bytes",
    async (site) =>
      (await receiptOf(site, "acme", {})).replace(/.$/, (end) =>
        String.fromCharCode(end.charCodeAt(0) + 1),
      ),
    refused(400, "INVALID_RECEIPT"),
  ],
  [
    "a receipt without its seal",
    async (site) => (await receiptOf(site, "acme", {})).replace(/[^.]*$/, ""),
    refused(400, "INVALID_RECEIPT"),
  ],
  ["a receipt that is a list", async () => [], refused(400, "INVALID_RECEIPT")],
];

const toJwt = (rows: ReadonlyArray<Omit<Attack, "to">>) =>
  rows.map((row): Attack => ({ ...row, to: "jwt" }));

export const organizations: ReadonlyArray<Attack> = toJwt([
  ...ADDRESSES.map(([input, slug, outcome]) => ({
    input: `${input} (${slug.slice(0, 30)})`,
    request: (site: Site) => send(site, path(slug)),
    outcome,
  })),
  ...["globex", "nobody", "acme%2f..%2fglobex"].map((slug) => ({
    input: `a batch for ${slug}`,
    request: (site: Site) =>
      send(site, path(slug).replace("presign", "batch"), { files: [good, good] }),
    outcome: notFound,
  })),
  ...CLAIMS.map(([input, organizations]) => ({
    input: `claimed: ${input}`,
    request: (site: Site) => send(site, path("globex"), good, { organizations }),
    outcome: notFound,
  })),
  ...RECEIPTS.map(([input, receipt, outcome]) => ({
    input,
    request: async (site: Site) =>
      send(site, "/api/v1/orgs/acme/files/confirm", { receipt: await receipt(site) }),
    outcome,
  })),
  ...["organization", "key", "bucket", "expires_in", "get_url", "acl"].map((member) => ({
    input: `a body that names its own ${member}`,
    request: (site: Site) => send(site, PRESIGN, { ...good, [member]: "globex" }),
    outcome: refused(400, "INVALID_REQUEST"),
  })),
  {
    input: "a receipt in the place of a link",
    request: async (site) =>
      wire({
        line: `GET /f/${await receiptOf(site, "acme", {})} HTTP/1.1`,
        host: hostOf(site.jwt),
        framing: [],
      }),
    outcome: refused(404, "NOT_FOUND"),
  },
  ...["2026/11/..%2f..%2f..%2fglobex", "2026/13/a.png", "..%2f/11/a.png", "2026/11/%00.png"].map(
    (file) => ({
      input: `a file that is no file (${file})`,
      request: async ({ jwt, issuer }: Site) =>
        wire({
          line: `GET /api/v1/orgs/acme/files/${file} HTTP/1.1`,
          host: hostOf(jwt),
          headers: [bearer(await issuer.sign())],
          framing: [],
        }),
      outcome: notFound,
    }),
  ),
]);
