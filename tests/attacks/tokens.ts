import { createHmac } from "node:crypto";
import {
  type Attack,
  bearer,
  good,
  granted,
  hostOf,
  JSON_TYPE,
  type Outcome,
  PRESIGN,
  refused,
  type Site,
  wire,
} from "./attack.ts";

const unknown = refused(401, "UNAUTHENTICATED");

const encode = (json: unknown) => Buffer.from(JSON.stringify(json)).toString("base64url");
const partsOf = (token: string) => token.split(".") as [string, string, string];
const seconds = () => Math.floor(Date.now() / 1000);

/** A good token's claims under a header of one's own, with a seal that is not the issuer's. */
async function forge({ issuer }: Site, header: object, seal: (content: string) => string) {
  const [, claims] = partsOf(await issuer.sign());
  const content = `${encode(header)}.${claims}`;
  return `${content}.${seal(content)}`;
}

const hmac = (secret: string) => (content: string) =>
  createHmac("sha256", secret).update(content).digest("base64url");

/** A token of the thief that claims what the issuer's would. */
const stolen = ({ issuer, thief }: Site, header: Readonly<Record<string, unknown>>) =>
  thief.sign({ iss: issuer.url }, header);

/** The `Authorization` header's value, or a list of them. */
type Credentials = string | ReadonlyArray<string>;

const TABLE: ReadonlyArray<
  readonly [input: string, token: (site: Site) => Promise<string>, outcome?: Outcome]
> = [
  ["a good one", ({ issuer }) => issuer.sign(), granted()],
  ["a good one of the other key", ({ issuer }) => issuer.sign({}, { alg: "ES256" }), granted()],
  ["no seal, as the algorithm none wants it", (site) => forge(site, { alg: "none" }, () => "")],
  ["the same in other capitals", (site) => forge(site, { alg: "nOnE" }, () => "")],
  ["no algorithm", (site) => forge(site, { kid: "rs256-1" }, () => "")],
  [
    "the public key taken for a shared secret",
    (site) => forge(site, { alg: "HS256", kid: "rs256-1" }, hmac(site.issuer.publicPem)),
  ],
  [
    "the same without the line end at its end",
    (site) => forge(site, { alg: "HS256", kid: "rs256-1" }, hmac(site.issuer.publicPem.trim())),
  ],
  ["an empty shared secret", (site) => forge(site, { alg: "HS256" }, hmac(""))],
  [
    "an algorithm that the key is not for",
    (site) => forge(site, { alg: "ES256", kid: "rs256-1" }, () => "A".repeat(86)),
  ],
  [
    "a seal of zeros",
    (site) => forge(site, { alg: "ES256", kid: "es256-1" }, () => "A".repeat(86)),
  ],
  ["a thief's key under the issuer's name", (site) => stolen(site, {})],
  ["a key that nobody knows", (site) => stolen(site, { kid: "unknown" })],
  ["another, which must not make us ask again", (site) => stolen(site, { kid: "unknown-2" })],
  ["a key's name that is a path", (site) => stolen(site, { kid: "../../../../dev/null" })],
  ["a key's name that is a statement", (site) => stolen(site, { kid: "' OR 1=1 --" })],
  ["a key's name that is a URL", (site) => stolen(site, { kid: site.thief.jwksUrl })],
  ["a key's name that objects are born with", (site) => stolen(site, { kid: "__proto__" })],
  ["a key's name that is a list", (site) => forge(site, { alg: "RS256", kid: [] }, () => "AAAA")],
  ["the address of a thief's keys (jku)", (site) => stolen(site, { jku: site.thief.jwksUrl })],
  ["the address of a certificate (x5u)", (site) => stolen(site, { x5u: site.thief.jwksUrl })],
  [
    "the key itself (jwk)",
    async (site) => {
      const { keys } = await (await fetch(site.thief.jwksUrl)).json();
      return stolen(site, { jwk: keys[0] });
    },
  ],
  ["a certificate (x5c)", (site) => stolen(site, { x5c: ["MIIB"] })],
  [
    "a header that we are told not to ignore (crit)",
    ({ issuer }) => issuer.sign({}, { crit: ["x"], x: 1 }),
  ],
  [
    "expired a moment longer ago than clocks differ",
    ({ issuer }) => issuer.sign({ exp: seconds() - 62 }),
  ],
  [
    "expired as long ago as clocks may differ",
    ({ issuer }) => issuer.sign({ exp: seconds() - 30 }),
    granted(),
  ],
  ["expired at the beginning of time", ({ issuer }) => issuer.sign({ exp: 0 })],
  ["not good yet", ({ issuer }) => issuer.sign({ nbf: seconds() + 120 })],
  ["no end", ({ issuer }) => issuer.sign({ exp: undefined })],
  ["an end in quotes", ({ issuer }) => issuer.sign({ exp: "9999999999" })],
  ["another audience", ({ issuer }) => issuer.sign({ aud: "another" })],
  ["an audience that begins like ours", ({ issuer }) => issuer.sign({ aud: "valetkey.evil.test" })],
  ["no audience", ({ issuer }) => issuer.sign({ aud: undefined })],
  ["another issuer's name", ({ issuer }) => issuer.sign({ iss: "https://evil.test" })],
  [
    "the issuer's name with a slash behind it",
    ({ issuer }) => issuer.sign({ iss: `${issuer.url}/` }),
  ],
  ["two issuers, one of them ours", ({ issuer }) => issuer.sign({ iss: [issuer.url, "evil"] })],
  ["no issuer", ({ issuer }) => issuer.sign({ iss: undefined })],
  ["nobody", ({ issuer }) => issuer.sign({ sub: undefined })],
  ["nobody, in no letters", ({ issuer }) => issuer.sign({ sub: "" })],
  ["a subject that is an object", ({ issuer }) => issuer.sign({ sub: { toString: "user-1" } })],
  ["a subject that is a list", ({ issuer }) => issuer.sign({ sub: ["user-1"] })],
  ["a subject with a line end, for the log", ({ issuer }) => issuer.sign({ sub: "a\r\n{}" })],
  ["a subject of 257 letters", ({ issuer }) => issuer.sign({ sub: "u".repeat(257) })],
  ["a subject of 10 kB", ({ issuer }) => issuer.sign({ sub: "u".repeat(10_000) })],
  ["claims that were changed afterwards", ({ issuer }) => tamper(issuer, { sub: "admin" })],
  ["a seal that was cut", async ({ issuer }) => (await issuer.sign()).slice(0, -8)],
  ["a part too few", async ({ issuer }) => (await issuer.sign()).replace(/\.[^.]*$/, "")],
  ["a part too many", async ({ issuer }) => `${await issuer.sign()}.AAAA`],
  ["dots alone", async () => ".."],
  ["parts that are no JSON", async () => "AAAA.AAAA.AAAA"],
  [
    "claims that are no object",
    async ({ issuer }) => {
      const [header, , seal] = partsOf(await issuer.sign());
      return `${header}.${encode([1])}.${seal}`;
    },
  ],
  [
    "64 kB",
    async ({ issuer }) => `${await issuer.sign()}${"A".repeat(64 * 1024)}`,
    refused(431, "HEADERS_TOO_LARGE"),
  ],
];

/** A good token with other claims than were signed. */
async function tamper(issuer: Site["issuer"], change: object) {
  const [header, claims, seal] = partsOf(await issuer.sign());
  const changed = { ...JSON.parse(Buffer.from(claims, "base64url").toString()), ...change };
  return `${header}.${encode(changed)}.${seal}`;
}

/** A good token, sent as none should be. */
const CARRIAGES: ReadonlyArray<
  readonly [input: string, headers: (token: string) => Credentials, query?: true]
> = [
  ["no header", () => []],
  ["another scheme", (token) => `Authorization: Basic ${token}`],
  ["no scheme", (token) => `Authorization: ${token}`],
  ["two headers, both good", (token) => [bearer(token), bearer(token)]],
  ["two headers, the good one first", (token) => [bearer(token), bearer("x")]],
  ["two headers, the good one last", (token) => [bearer("x"), bearer(token)]],
  [
    "two headers with 2,000 others between them",
    (token) => [bearer(token), ...Array.from({ length: 2000 }, () => "X: y"), bearer("x")],
  ],
  ["two tokens in one header", (token) => bearer(`${token}, ${token}`)],
  ["a parameter behind it", (token) => `${bearer(token)}; scope=all`],
  ["quotes around it", (token) => bearer(`"${token}"`)],
  ["another header", (token) => `X-Authorization: Bearer ${token}`],
  ["a cookie", (token) => `Cookie: token=${token}`],
  ["the query, where logs would keep it", () => [], true],
];

export const tokens: ReadonlyArray<Attack> = [
  ...TABLE.map(([input, token, outcome = unknown]): Attack => ({
    input,
    to: "jwt",
    request: async (site) => carry(site, bearer(await token(site))),
    outcome,
  })),
  ...CARRIAGES.map(([input, headers, inQuery]): Attack => ({
    input: `a good one in ${input}`,
    to: "jwt",
    request: async (site) => {
      const token = await site.issuer.sign();
      return carry(site, headers(token), inQuery === true ? `?access_token=${token}` : "");
    },
    outcome: unknown,
  })),
];

const carry = ({ jwt }: Site, credentials: Credentials, query = "") =>
  wire({
    line: `POST ${PRESIGN}${query} HTTP/1.1`,
    host: hostOf(jwt),
    headers: [JSON_TYPE, ...[credentials].flat()],
    body: JSON.stringify(good),
  });
