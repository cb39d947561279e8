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

const FILE = "5007cd59-14b0-4a8f-9bfa-7debee4b183d.png";
const path = (slug: string) => `/api/v1/orgs/${slug}/files/presign`;

/** A request with JSON by user-1, who is a member of acme alone unless the claims say otherwise. */
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

/** The receipt that a member of an organization gets for a good request. */
async function receiptOf(site: Site, slug: string, claims: Readonly<Record<string, unknown>>) {
  const { body } = await exchange(site.jwt.address, await send(site, path(slug), good, claims));
  return JSON.parse(body).receipt as string;
}

/** Names in the address, by somebody who belongs to acme. */
const ADDRESSES: ReadonlyArray<readonly [input: string, slug: string, outcome: Outcome]> = [
  ["the organization of others", "globex", notFound],
  ["an organization that does not exist", "nobody", notFound],
  ["the caller's own in capitals", "ACME", notFound],
  ["the caller's own with a capital letter", "acMe", notFound],
  ["the caller's own, percent-encoded", "%61cme", notFound],
  ["the folder above", "..", notFound],
  ["the folder above, percent-encoded", "%2e%2e", notFound],
  ["the folder above, percent-encoded twice", "%252e%252e", notFound],
  ["a path from the caller's own into another", "acme/../globex", notFound],
  ["a path into another with encoded slashes", "acme%2f..%2fglobex", notFound],
  ["a path into another with encoded dots", "acme/%2e%2e/globex", notFound],
  ["an encoded slash in front", "%2facme", notFound],
  ["encoded backslashes", "acme%5c..%5cglobex", notFound],
  ["NUL behind the name", "acme%00", notFound],
  ["a line end behind the name", "acme%0d%0aX:%20y", notFound],
  ["a space behind the name", "acme%20", notFound],
  ["a dot behind the name", "acme.", notFound],
  ["a parameter behind the name", "acme;org=globex", notFound],
  ["an encoded question mark", "acme%3fx=", notFound],
  ["two names", "acme,globex", notFound],
  ["a wildcard", "*", notFound],
  ["no name", "", notFound],
  ["a Cyrillic letter that looks like a Latin one", "%d0%b0cme", notFound],
  ["bytes that are not UTF-8", "%ff%fe", notFound],
  ["a percent sign without a code", "acme%", notFound],
  ["64 letters", "a".repeat(64), notFound],
  ["the property __proto__ of all objects", "__proto__", notFound],
  ["the property constructor of all objects", "constructor", notFound],
];

/** Claims that careless code would take for membership, in requests for globex. */
const CLAIMS: ReadonlyArray<readonly [input: string, organizations: unknown]> = [
  ["all organizations with a wildcard", "*"],
  ["all organizations with the word every", "every"],
  ["a longer name", ["globex-2"]],
  ["the name in capitals", ["GLOBEX"]],
  ["two names in one", ["acme globex", "acme,globex"]],
  ["a list in a list", [["globex"]]],
  ["the name as a value", { acme: "globex" }],
  ["the name with an id that is a path", { globex: { id: "../acme" } }],
  ["true", true],
  ["null", null],
];

/** Receipts that user-1 may not confirm at acme. */
const RECEIPTS: ReadonlyArray<
  readonly [input: string, receipt: (site: Site) => Promise<unknown>, outcome: Outcome]
> = [
  [
    "the receipt of another organization",
    (site) => receiptOf(site, "globex", { organizations: ["globex"] }),
    notFound,
  ],
  [
    "the caller's own receipt of another organization",
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
    "a receipt whose last letter was changed to one that can stand for the same bytes",
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
    input: `an organization (${input}: ${slug.slice(0, 30)})`,
    request: (site: Site) => send(site, path(slug)),
    outcome,
  })),
  ...["globex", "nobody", "acme%2f..%2fglobex"].map((slug) => ({
    input: `a batch for ${slug}`,
    request: (site: Site) =>
      send(site, path(slug).replace("presign", "batch"), { files: [good, good] }),
    outcome: notFound,
  })),
  ...ADDRESSES.map(([input, slug, outcome]) => ({
    input: `a list of the policies of an organization (${input}: ${slug.slice(0, 30)})`,
    request: async ({ jwt, issuer }: Site) =>
      wire({
        line: `GET /api/v1/orgs/${slug}/files/policies HTTP/1.1`,
        host: hostOf(jwt),
        headers: [bearer(await issuer.sign())],
        framing: [],
      }),
    outcome,
  })),
  ...CLAIMS.map(([input, organizations]) => ({
    input: `a request for globex by a token that claims ${input}`,
    request: (site: Site) => send(site, path("globex"), good, { organizations }),
    outcome: notFound,
  })),
  ...RECEIPTS.map(([input, receipt, outcome]) => ({
    input: `a confirm with ${input}`,
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
    input: "a receipt in the address of a link",
    request: async (site) =>
      wire({
        line: `GET /f/${await receiptOf(site, "acme", {})} HTTP/1.1`,
        host: hostOf(site.jwt),
        framing: [],
      }),
    outcome: refused(404, "NOT_FOUND"),
  },
  ...[
    "2026/11/..%2f..%2f..%2fglobex",
    "2026/13/a.png",
    "..%2f/11/a.png",
    "2026/11/%00.png",
    `avatars/../../../globex/files/avatars/${FILE}`,
    `avatars/%2e%2e/globex/${FILE}`,
    `avatars%2f${FILE}`,
    `../../../incoming/orgs/acme/avatars/${FILE}`,
    `files/2026/11/${FILE}`,
    `Avatars/${FILE}`,
    `avatars/${FILE}/`,
  ].map((file) => ({
    input: `the address of a file that cannot exist (${file})`,
    request: async ({ jwt, issuer }: Site) =>
      wire({
        line: `GET /api/v1/orgs/acme/files/${file} HTTP/1.1`,
        host: hostOf(jwt),
        headers: [bearer(await issuer.sign())],
        framing: [],
      }),
    outcome: notFound,
  })),
]);
