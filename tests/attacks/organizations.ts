import { expect } from "vitest";
import {
  type Attack,
  bearer,
  good,
  hostOf,
  JSON_TYPE,
  notFound,
  unknownAddress,
  type Outcome,
  presign,
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

/** Names in the address as no client writes them, by somebody who belongs to acme. */
const ADDRESSES: ReadonlyArray<readonly [input: string, slug: string]> = [
  ["the organization of others", "globex"],
  ["an organization that does not exist", "nobody"],
  ["the caller's own, percent-encoded", "%61cme"],
  ["the folder above", ".."],
  ["the folder above, percent-encoded", "%2e%2e"],
  ["the folder above, percent-encoded twice", "%252e%252e"],
  ["a path from the caller's own into another", "acme/../globex"],
  ["a path into another with encoded slashes", "acme%2f..%2fglobex"],
  ["a path into another with encoded dots", "acme/%2e%2e/globex"],
  ["encoded backslashes", "acme%5c..%5cglobex"],
  ["a line end behind the name", "acme%0d%0aX:%20y"],
  ["a parameter behind the name", "acme;org=globex"],
  ["no name", ""],
  ["bytes that are not UTF-8", "%ff%fe"],
  ["a percent sign without a code", "acme%"],
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
];

const refusedInBatch = (code: string): Outcome => ({
  says: `has ${code} for its problem, and no file`,
  check: ({ status, text, body }) => {
    expect(status, text).toBe(200);
    expect(JSON.parse(body).uploads).toEqual([{ problem: expect.objectContaining({ code }) }]);
  },
});

const toJwt = (rows: ReadonlyArray<Omit<Attack, "to">>) =>
  rows.map((row): Attack => ({ ...row, to: "jwt" }));

export const organizations: ReadonlyArray<Attack> = toJwt([
  ...ADDRESSES.map(([input, slug]) => ({
    input: `an organization (${input}: ${slug})`,
    request: (site: Site) => send(site, path(slug)),
    outcome: slug === "" ? unknownAddress : notFound,
  })),
  ...RECEIPTS.map(([input, receipt, outcome]) => ({
    input: `a confirm with ${input}`,
    request: async (site: Site) =>
      send(site, "/api/v1/orgs/acme/files/confirm", { receipt: await receipt(site) }),
    outcome,
  })),
  ...RECEIPTS.map(([input, receipt, outcome]) => ({
    input: `a confirm of several with ${input}`,
    request: async (site: Site) =>
      send(site, "/api/v1/orgs/acme/files/confirm/batch", { receipts: [await receipt(site)] }),
    outcome: refusedInBatch(outcome === notFound ? "NOT_FOUND" : "INVALID_RECEIPT"),
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
    "2026/11/%00.png",
    `avatars/../../../globex/files/avatars/${FILE}`,
    `avatars/%2e%2e/globex/${FILE}`,
    `../../../incoming/orgs/acme/avatars/${FILE}`,
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
